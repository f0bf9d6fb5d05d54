"""The names that tensors have in published files."""
