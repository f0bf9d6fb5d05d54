"""External tests: the networks of an evaluation scored on patients of another data set."""
