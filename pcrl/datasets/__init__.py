"""Published data-set layouts: names and tables in, `Case` and `Radiograph` records out. No pixels are read here."""
