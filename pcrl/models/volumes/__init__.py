"""Networks for volumes."""
