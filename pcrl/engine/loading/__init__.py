"""From chosen cases to batches: in which order, by which threads, how fast."""
