"""Numba kernels: `kernel(source, destination, parameters)`; no I/O, no torch, no global random state."""
