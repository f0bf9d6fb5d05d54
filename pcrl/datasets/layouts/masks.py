"""Segmentations among the scans of a folder: told apart by what they are called, and given to their scan."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pcrl.datasets.names import printable
from pcrl.listing import counted, few

FOLDERS = {
    "segmentation", "segmentations", "seg", "segs", "label", "labels", "mask", "masks", "labelstr", "labelsts",
    "annotations", "contours", "rois", "structures",
}  # fmt: skip
"""Names of folders that hold segmentations, and nothing else."""
WORDS = {
    "seg", "segm", "segmentation", "segmentations", "mask", "masks", "label", "labels", "labelmap", "roi", "rois", "gt",
    "groundtruth", "annotation", "annotations",
}  # fmt: skip
"""First or last word of the name of a segmentation."""
_SPLIT = re.compile(r"[\s_.-]+")


@dataclass(frozen=True, slots=True)
class Told:
    """The volumes of a folder, told apart.

    Args:
        labels: scan → its segmentation.
        notes: which segmentations were taken as labels, and which left out, and why.
    """

    scans: tuple[Path, ...]
    labels: dict[Path, Path]
    notes: tuple[str, ...]


def told_apart(source: Path, volumes: Iterable[Path], suffixes: tuple[str, ...]) -> Told:
    """Scans, and segmentations that are called so: in a folder such as `segmentations`, or `P0_seg` beside `P0`.

    Where just one segmentation is called like a scan beside it, it is the scan's label. All others are left out:
    several masks of a scan are no label until they are one file.
    """
    listed = list(volumes)
    masks = [path for path in listed if _is_mask(path.relative_to(source), suffixes)]
    scans = [path for path in listed if path not in set(masks)]
    called = {(path.parent, _stem(path, suffixes)): path for path in scans}
    candidates: dict[Path, list[Path]] = {}
    for mask in masks:
        scan = called.get((mask.parent, _without_word(_stem(mask, suffixes))))
        if scan is not None:
            candidates.setdefault(scan, []).append(mask)
    labels = {scan: found[0] for scan, found in candidates.items() if len(found) == 1}
    return Told(tuple(scans), labels, tuple(_notes(source, masks, labels)))


def _notes(source: Path, masks: list[Path], labels: dict[Path, Path]) -> list[str]:
    notes = []
    taken = set(labels.values())
    if taken:
        pairs = [f"{_shown(label, source)} of {_shown(scan, source)}" for scan, label in labels.items()]
        notes.append(f"{counted(len(taken), 'segmentation')} beside scans are their labels: {few(pairs)}")
    if left := [_shown(path, source) for path in masks if path not in taken]:
        notes.append(
            f"{counted(len(left), 'volume')} left out, as by their names they are segmentations and not scans: "
            f"{few(left)}. For use as labels bring those of a scan together in one file SCAN_seg beside it, or lay the "
            "data set out as nnU-Net does"
        )
    return notes


def _shown(path: Path, source: Path) -> str:
    return printable(str(path.relative_to(source)))


def _is_mask(path: Path, suffixes: tuple[str, ...]) -> bool:
    words = _words(_stem(path, suffixes))
    return (
        any(part.lower() in FOLDERS for part in path.parent.parts)
        or (bool(words) and (_bare(words[0]) in WORDS or _bare(words[-1]) in WORDS))
    )  # fmt: skip


def _without_word(stem: str) -> str:
    """`P0` of `P0_seg` and of `seg_P0`."""
    match = re.fullmatch(r"(.*?)[\s_.-]+[^\s_.-]+", stem, re.DOTALL)
    if match and _words(stem)[-1].lower() in WORDS:
        return match[1]
    match = re.fullmatch(r"[^\s_.-]+[\s_.-]+(.*)", stem, re.DOTALL)
    return match[1] if match and _words(stem)[0].lower() in WORDS else stem


def _words(stem: str) -> list[str]:
    return [word for word in _SPLIT.split(stem) if word]


def _bare(word: str) -> str:
    """A word without the number behind it."""
    return word.lower().rstrip("0123456789")


def _stem(path: Path, suffixes: tuple[str, ...]) -> str:
    suffix = next((one for one in suffixes if path.name.lower().endswith(one)), "")
    return path.name[: len(path.name) - len(suffix)]
