"""Published and everyday trees of files on disk, one layout a file."""
