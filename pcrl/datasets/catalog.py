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


def find(name: str, source: Path, kind: folder.Kind | None = None) -> Dataset | ImageDataset:
    """The volumes or the radiographs below `source`, which is laid out as `name` says.

    Args:
        kind: of a folder that holds both, which to take; published layouts hold one kind.

    Raises:
        LayoutError: no such layout, or a folder that is not laid out so.
    """
    if kind is None and name in LAYOUTS:
        return LAYOUTS[name](source)
    _require_folder(name)
    return folder.find(source, kind)


def find_both(name: str, source: Path) -> tuple[Dataset | ImageDataset, ...]:
    """The volumes and the radiographs of a folder that may hold both, each as a data set of its own.

    Raises:
        LayoutError: another layout than `folder`, or nothing there.
    """
    _require_folder(name)
    return folder.find_both(source)


def _require_folder(name: str) -> None:
    if name not in LAYOUTS:
        raise LayoutError(f"no layout {name!r}: give one of {', '.join(LAYOUTS)}")
    if LAYOUTS[name] is not folder.find:
        raise LayoutError(f"--kind is for --layout folder; {name} holds one kind only: remove it")


def default_source(name: str) -> Path:
    """`$PCRL_DATA/NAME` if the variable is set, else `./data/NAME`."""
    return Path(os.environ.get("PCRL_DATA", "data")) / name
