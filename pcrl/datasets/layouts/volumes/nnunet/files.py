"""The files of nnU-Net's folders: their ending, and which of them are the channels of a case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pcrl.datasets.case import LayoutError, Unreadable
from pcrl.datasets.layouts.volumes.nnunet.description import Description
from pcrl.datasets.names import printable
from pcrl.datasets.tree import natural
from pcrl.listing import counted, few

PLACES = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"))
"""Folders of images and of their labels: training, then test."""
Files = Mapping[str, tuple[Path, ...]]
"""Name of a case → a file a channel."""
_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")


def ending_of(root: Path, said: Description) -> tuple[str, tuple[str, ...]]:
    """The ending of all files: as stated, else what the images have; and a note on the latter."""
    names = [path.name for images, _ in PLACES for path in listed(root / images)]
    present = dict.fromkeys(_ending_of(name) for name in names)
    present.pop("", None)
    if said.ending:
        if names and not any(name.endswith(said.ending) for name in names):
            raise LayoutError(
                f"{root / 'dataset.json'}: file_ending is {said.ending!r}, and no image ends so; there are "
                f"{printable(few(names))}. Mend file_ending{f': {next(iter(present))}' * (len(present) == 1)}"
            )
        return said.ending, ()
    if len(present) > 1:
        raise LayoutError(
            f"{root / 'dataset.json'} has no file_ending, and images end in {', '.join(present)}: state one of them"
        )
    ending = next(iter(present), ".nii.gz")
    return ending, () if ending == ".nii.gz" else (f"dataset.json has no file_ending: {ending} is taken",)


def _ending_of(name: str) -> str:
    return next((ending for ending in _ENDINGS if name.lower().endswith(ending)), "")


def listed(folder: Path) -> list[Path]:
    """Files of a folder in natural order, without hidden ones such as the `._NAME` that macOS leaves."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: natural(p.name))


def by_case(
    root: Path, images: str, ending: str, channels: tuple[str, ...]
) -> tuple[Files, list[Unreadable]]:
    """The files of each case, in the order of channels; and the cases that have other channels than are named."""
    numbered: dict[str, dict[int, Path]] = {}
    plain: dict[str, Path] = {}
    for path in listed(root / images):
        if path.name.endswith(ending):
            stem = path.name.removesuffix(ending)
            match = re.fullmatch(r"(.+)_(\d{4})", stem, re.ASCII | re.DOTALL)
            if match:
                numbered.setdefault(match[1], {})[int(match[2])] = path
            else:
                plain[stem] = path
    if plain and not numbered:
        raise LayoutError(
            f"{root / images} holds {printable(few([path.name for path in plain.values()]))}, without the number of a "
            f"channel: expected names such as {printable(next(iter(plain)))}_0000{ending}. The Decathlon is published "
            "so: convert it (nnUNetv2_convert_MSD_dataset), or rename the files"
        )
    wanted = list(range(len(channels)))
    whole = {
        name: tuple(files[number] for number in wanted)
        for name, files in numbered.items()
        if sorted(files) == wanted
    }
    odd = [
        Unreadable(stem, f"{root / images}: {printable(path.name)} has no number of a channel; expected {images}/"
                   f"{printable(stem)}_0000{ending}: rename it, or take it out")
        for stem, path in plain.items()
    ]  # fmt: skip
    odd += [
        Unreadable(name, _other_channels(root / images, name, files, channels))
        for name, files in numbered.items()
        if name not in whole
    ]
    return whole, odd


def _other_channels(folder: Path, name: str, files: Iterable[int], channels: tuple[str, ...]) -> str:
    """Why a case cannot be taken, of which there are files of these numbers."""
    there = sorted(files)
    missing = [f"_{number:04} ({channel})" for number, channel in enumerate(channels) if number not in there]
    more = [f"_{number:04}" for number in there if number >= len(channels)]
    faults = [f"lacks {', '.join(missing)}"] * bool(missing)
    faults += [f"has {', '.join(more)}, which dataset.json does not name"] * bool(more)
    return (
        f"{folder}: case {printable(name)} {' and '.join(faults)}; it has "
        f"{', '.join(f'_{number:04}' for number in there)}, dataset.json names {counted(len(channels), 'channel')} "
        f"({', '.join(channels)}): add the missing file, or take the case out"
    )
