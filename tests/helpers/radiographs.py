"""Radiograph-like images in the layout of CheXpert, for tests."""

import csv

import numpy as np
from PIL import Image

from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS


def picture(seed, shape=(80, 100)):
    """Smooth gray values with some noise, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = np.sin(y / rng.uniform(8, 20) + seed) + np.cos(x / rng.uniform(8, 20))
    return np.clip(120 + 40 * waves + rng.normal(0, 5, shape), 1, 255).astype(np.uint8)


def write(path, values):
    """As PNG whatever the name says: readers look at the content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, "PNG")


def chexpert(root, patients=12, valid=4):
    """A tree of `patients` training patients with two images each, and `valid` of the published test set."""
    for table, count, first in (("train", patients, 1), ("valid", valid, 1001)):
        rows = []
        for n in range(first, first + count):
            for view in ("view1_frontal", "view2_lateral"):
                name = f"{table}/patient{n:05}/study1/{view}.jpg"
                write(root / name, picture(2 * n + (view > "view2")))
                marks = [
                    ["1.0", "0.0", "-1.0", ""][(n + k) % 4 if table == "train" else n % 2] for k in range(14)
                ]
                kind = view.partition("_")[2].capitalize()
                rows.append([f"CheXpert-v1.0-small/{name}", "Male", 50, kind, "AP", *marks])
        with (root / f"{table}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(
                [["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS], *rows]
            )
    return root
