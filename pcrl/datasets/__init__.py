"""Published data-set layouts: names and tables in, `Case` records out. No pixels are read here."""
