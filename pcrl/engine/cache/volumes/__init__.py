"""Data sets of volumes in the cache: a case is a folder."""
