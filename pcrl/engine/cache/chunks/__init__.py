"""Compressed chunks: writing, finding and reading them."""
