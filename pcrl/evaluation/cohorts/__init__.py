"""Training, validation and test patients of an evaluation; and whether pre-training saw them."""
