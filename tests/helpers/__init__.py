"""What several tests need: small scans, trees, caches, runs, and the command line."""
