"""The one training loop of all tasks."""
