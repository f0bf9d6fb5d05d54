"""An image is in a data set once: names that are unique, and rows that name one image twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from pcrl.datasets.case import LayoutError, Split
from pcrl.datasets.image import Radiograph
from pcrl.datasets.names import printable
from pcrl.listing import few

_STRICTNESS: tuple[Split | None, ...] = ("test", "val", "train", None)


def once(images: Iterable[Radiograph]) -> tuple[tuple[Radiograph, ...], list[str]]:
    """The first row for each path, in order, and notes about the others.

    Where they state different splits, the strictest is kept (test before val before train).

    Raises:
        LayoutError: two files that give one name.
    """
    kept: dict[str, Radiograph] = {}
    by_name: dict[str, str] = {}
    same = 0
    different: list[str] = []
    for image in images:
        first = kept.setdefault(image.path, image)
        if first is image:
            if by_name.setdefault(image.name, image.path) != image.path:
                raise LayoutError(
                    f"{by_name[image.name]} and {image.path} would both be image {image.name}: rename one"
                )
            continue
        if first == image:
            same += 1
            continue
        if image.path not in different:
            different.append(image.path)
        kept[image.path] = replace(first, split=min(first.split, image.split, key=_STRICTNESS.index))
    notes = []
    if same:
        notes.append(f"{same} rows repeat an image with the same content and were skipped")
    if different:
        notes.append(
            f"{len(different)} images have rows that differ, of which the first counts: {few(different)}"
        )
    return tuple(kept.values()), notes


def names(paths: Iterable[str]) -> dict[str, str]:
    """Path → name: the path without its suffix, or with it where two images differ only there; printable."""
    stems = {path: printable(str(PurePosixPath(path).with_suffix(""))) for path in paths}
    count = Counter(stems.values())
    return {path: stem if count[stem] == 1 else printable(path) for path, stem in stems.items()}
