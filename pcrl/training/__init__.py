"""Pre-training: objective, schedule, trainer, checkpoints."""
