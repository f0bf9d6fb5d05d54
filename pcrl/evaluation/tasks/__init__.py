"""The downstream tasks: one room a kind, and the registry that names them all."""
