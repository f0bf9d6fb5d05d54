"""A small labelled cache for evaluations: virtual bodies whose bright block is the label, split as the hash says."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from pcrl.config import load_recipe
from tests.helpers import scans

TRAIN, VALIDATION, TEST = (0, 1, 2, 5), (27,), (3, 4, 11)
"""Numbers of LiTS volumes by the split that the hash of their names gives them."""
SHAPE = (24, 32, 40)
TINY = [
    *scans.VIEWS,
    "model.width=4",
    "model.levels=3",
    "training.batch_size=4",
    "training.epochs=1",
    "training.samples_per_case=4",
    "finetuning.patch=[16, 16, 16]",
    "finetuning.epochs=15",
    "finetuning.batch_size=2",
    "finetuning.learning_rate=0.01",
    "finetuning.overlap=0.25",
    "finetuning.window=[-200, 200]",
]
RECIPE = load_recipe("pcrlv2-3d", TINY)


def body(number):
    """A body whose shape, block and noise are its own, and the block's mask: both (z, y, x)."""
    rng = np.random.default_rng(number)
    values = scans.body(SHAPE)
    block = values == scans.BRIGHT
    shift = tuple(int(n) for n in rng.integers(-2, 3, 3))
    values[block] = 40
    block = np.roll(block, shift, axis=(0, 1, 2))
    values[block] = 180
    values += rng.integers(-20, 20, SHAPE).astype(np.int16)
    # As people are: without it all bodies are copies of one.
    places = np.indices(SHAPE).astype(float)
    for axis in places:
        bend = gaussian_filter(rng.standard_normal(SHAPE), 4)
        axis += 1.5 * bend / bend.std()
    values, block = (map_coordinates(array, places, order=0, mode="nearest") for array in (values, block))
    return values, block


def write_lits(folder):
    """A LiTS tree of these patients, 2 mm between slices."""
    for number in (*TRAIN, *VALIDATION, *TEST):
        values, block = body(number)
        scans.write(folder / f"volume-{number}.nii", values, (1.0, 1.0, 2.0))
        scans.write(folder / f"segmentation-{number}.nii", block.astype(np.uint8), (1.0, 1.0, 2.0))
