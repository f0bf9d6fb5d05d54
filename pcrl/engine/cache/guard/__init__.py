"""What keeps a cache to itself: names out of records, links, what no record names."""
