"""Ways to bring views to a training step; `benchmarks/end_to_end.py` is the command."""
