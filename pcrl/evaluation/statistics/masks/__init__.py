"""How a predicted mask and a true one agree."""
