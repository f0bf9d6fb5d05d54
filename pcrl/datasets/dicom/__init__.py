"""What headers of DICOM files say: which slices are one volume, what is a radiograph, and of whom they are."""
