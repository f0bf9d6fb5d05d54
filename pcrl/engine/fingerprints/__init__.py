"""What gives a scan away, whatever its file is called: digests, and a small picture of what it shows."""
