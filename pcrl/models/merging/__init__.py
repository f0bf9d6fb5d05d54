"""An up-sampling and the convolution after it as one convolution on the coarse grid."""
