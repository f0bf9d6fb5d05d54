"""LUNA16: a tree of files as it is published, and its evaluation script."""
