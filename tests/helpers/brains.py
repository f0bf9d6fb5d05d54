"""Small heads of four MR channels, laid out as BraTS: skull-stripped, each channel with a contrast of its own."""

import numpy as np

from tests.helpers import scans

CHANNELS = ("t1", "t1ce", "t2", "flair")
SHAPE = (24, 32, 40)


def head(number):
    """Four channels (4, z, y, x) int16, 0 outside the head, and the tumour's label (z, y, x) with 1, 2 and 4."""
    rng = np.random.default_rng(number)
    distance = np.linalg.norm(
        np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")), axis=0
    )
    inside = distance < 0.9
    label = np.zeros(SHAPE, np.uint8)
    middle = np.array(SHAPE) // 2 + rng.integers(-2, 3, 3)
    for value, radius in ((2, 6), (4, 4), (1, 2)):
        label[tuple(slice(m - radius, m + radius) for m in middle)] = value
    label[~inside] = 0
    contrasts = np.array(
        [[300, 200, 250, 260], [500, 350, 400, 1200], [700, 900, 1100, 1000], [200, 300, 900, 700]]
    )
    tissue = np.searchsorted([1, 2, 4], label, "right")
    noise = rng.integers(-30, 30, (4, *SHAPE))
    return np.where(inside, contrasts[:, tissue] + noise, 0).astype(np.int16), label


def write_brats(folder, count):
    """A BraTS 2018 tree of this many patients; returns their names."""
    names = [f"Brats18_TEST_{number}_1" for number in range(count)]
    for number, name in enumerate(names):
        values, label = head(number)
        for channel, image in zip(CHANNELS, values, strict=True):
            scans.write(folder / "HGG" / name / f"{name}_{channel}.nii.gz", image, (1.0, 1.0, 2.0))
        scans.write(folder / "HGG" / name / f"{name}_seg.nii.gz", label, (1.0, 1.0, 2.0))
    return names
