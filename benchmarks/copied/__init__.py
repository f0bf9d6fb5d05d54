"""How well copies of scans are told from other people's scans."""
