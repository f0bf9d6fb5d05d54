"""The training step, timed in many ways; `benchmarks/train_step.py` is the command."""
