"""Data sets of radiographs in the cache: one sharded stack with a table beside it."""
