"""Which cases pre-training may see."""
