"""Kernels for volumes."""
