"""Weights on disk, ours and published ones."""
