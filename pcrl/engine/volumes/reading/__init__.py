"""Reading and writing scans as files."""
