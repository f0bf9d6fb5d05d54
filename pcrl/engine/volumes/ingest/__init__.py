"""From scans on disk to cases in the cache."""
