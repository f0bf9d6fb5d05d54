"""An evaluation from beginning to end, and curves of them."""
