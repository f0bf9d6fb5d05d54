"""How often intervals and tests over patients and seeds are right, by simulation."""
