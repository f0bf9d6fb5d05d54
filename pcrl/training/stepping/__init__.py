"""One step: forward passes, loss, gradients, update."""
