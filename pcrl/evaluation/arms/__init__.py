"""Arms: the ways to start and to train that are compared."""
