"""Kernels for radiographs."""
