"""From image files on disk to a stack in the cache."""
