"""A chest that a test knows everything about: a block of muscle with two lungs, a spine, and a table behind it."""

import numpy as np

SPACING = (3.0, 3.0, 3.0)


def chest_ct():
    """(z, y, x) in HU."""
    ct = np.full((60, 50, 70), -1000, np.float32)
    ct[:, 5:40, 5:65] = 40
    for columns in (slice(12, 30), slice(40, 58)):
        ct[10:50, 10:34, columns] = -850
    ct[:, 32:38, 32:38] = 700
    ct[:, 44:46, :] = 500
    return ct
