"""What is compared: ways to start and to train."""
