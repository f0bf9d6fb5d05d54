"""What a NIfTI says of itself, beyond what ITK makes of it."""
