"""Processes that may die: what foreign files do to a reader happens there, and is told of the file."""
