"""Radiograph-like images in the layout of CheXpert, for tests; and tables of images that are nowhere."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from pcrl.config import load_recipe
from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS
from pcrl.engine.cache.images.dataset import CachedImages, ImageSetRecord
from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.images import images_of_views

RECIPE = load_recipe("cpu-2d")


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


def chexpert_table(valid, test, train=40, **more):
    """Frontal images of CheXpert, two of each patient; labels are drawn at random, those of `test` first."""
    parts = {"test": test, "train": train, "valid": valid}
    names = [
        f"{part}/patient{part}{n // 2}/study1/view{n % 2}"
        for part, count in parts.items()
        for n in range(count)
    ]
    count, rng = len(names), np.random.default_rng(1)
    values = {
        "index": np.arange(count),
        "names": names,
        "patients": [name.split("/")[1] for name in names],
        "studies": [name.rpartition("/")[0].partition("/")[2] for name in names],
        "views": ["frontal"] * count,
        "splits": ["train" if name.startswith("train") else "test" for name in names],
        "virtual": np.zeros(count, bool),
        "shapes": np.full((count, 2), 128, np.int32),
        "pixels": [f"{n:064}" for n in range(count)],
        "labels": rng.integers(0, 2, (count, len(OBSERVATIONS))).astype(np.int8),
        "label_names": OBSERVATIONS,
        "failed": [],
        "ages": np.full(count, np.nan, np.float32),
        "sexes": [""] * count,
        "projections": [""] * count,
    }
    return ImageTable(**values | more)


def cohorts_of(table):
    """Those of a data set with this table."""
    record = ImageSetRecord(
        format=1,
        name="chexpert",
        recipe=RECIPE,
        label_names=table.label_names,
        split_seed=0,
        shares=(0.05, 0.0),
    )
    images = CachedImages(Path("nowhere"), record)
    images.__dict__["table"] = table
    return images_of_views(images, Design(options={"views": "frontal"}))
