"""Classification of radiographs."""
