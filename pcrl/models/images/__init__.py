"""Networks for radiographs."""
