"""The command line: one Click command a file; parse, call pcrl, show."""
