"""Virtual patients, made by a procedure from a seed."""
