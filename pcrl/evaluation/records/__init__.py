"""What is asked of an evaluation and what it found: records on disk. No torch."""
