"""All layouts by name, and where their files are by default."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pcrl.datasets.case import Dataset, LayoutError
from pcrl.datasets.image import ImageDataset
from pcrl.datasets.layouts import folder
from pcrl.datasets.layouts.images import chestxray, chexpert
from pcrl.datasets.layouts.volumes import brats, lits, luna
from pcrl.datasets.layouts.volumes.nnunet import layout as nnunet

LAYOUTS: dict[str, Callable[[Path], Dataset | ImageDataset]] = {
    "luna": luna.find,
    "lits": lits.find,
    "brats": brats.find,
    "nnunet": nnunet.find,
    "folder": folder.find,
    "chexpert": chexpert.find,
    "chestxray": chestxray.find,
}
"""Layout → what finds the files of a folder that is laid out so. A layout may have its own name for the data set in the
cache, or take the folder's."""


def find(name: str, source: Path) -> Dataset | ImageDataset:
    """The volumes or the radiographs below `source`, which is laid out as `name` says.

    Raises:
        LayoutError: no such layout, or a folder that is not laid out so.
    """
    if name not in LAYOUTS:
        raise LayoutError(f"no layout {name!r}: give one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name](source)


def default_source(name: str) -> Path:
    """`$PCRL_DATA/NAME` if the variable is set, else `./data/NAME`."""
    return Path(os.environ.get("PCRL_DATA", "data")) / name
