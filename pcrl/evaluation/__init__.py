"""Fine-tuning, prediction, metrics and reports."""
