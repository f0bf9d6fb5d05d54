"""What is done to pixels of volumes and images alike."""
