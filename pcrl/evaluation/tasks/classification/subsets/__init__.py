"""Parts of the test images that are scored on their own, published test sets and subgroups; labels without images."""
