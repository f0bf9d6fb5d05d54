"""Where things are: grids in the patient, boxes of voxels."""
