"""How weights change: an optimiser a file, called as the recipe calls it; and the learning rate."""
