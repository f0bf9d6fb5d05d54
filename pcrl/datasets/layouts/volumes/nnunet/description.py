"""`dataset.json`: channels, labels and regions, in the versions and spellings that are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcrl.config import Modality
from pcrl.datasets.case import LayoutError
from pcrl.datasets.layouts.volumes.nnunet.text import read_json

IGNORE = "ignore"
"""Name of the label that nnU-Net leaves out of training and scores."""


@dataclass(frozen=True, slots=True)
class Description:
    """What `dataset.json` says.

    Args:
        channels: names of the channels, in their order.
        labels: value → name, without 0; of a data set with regions, those of one value alone.
        regions: name → values; empty unless one has several.
        ignored: value of voxels that were not labelled.
        ending: of all files; empty if it does not say.
        notes: what was read otherwise than it is written.
    """

    channels: tuple[str, ...]
    labels: Mapping[int, str]
    regions: Mapping[str, tuple[int, ...]]
    ignored: int | None
    ending: str
    notes: tuple[str, ...]

    @property
    def modality(self) -> Modality | None:
        """What all channels are, if their names say so."""
        names = {name.strip().lower() for name in self.channels}
        if names == {"ct"}:
            return "ct"
        return "mr" if names <= {"mr", "mri", "t1", "t2", "flair", "t1ce", "t1gd", "t1c", "adc"} else None


def read_description(path: Path) -> Description:
    """Read `dataset.json`, of version 1 (`modality`, value: name) or 2 (`channel_names`, name: value).

    Raises:
        LayoutError: damaged; channels or labels that cannot be meant; names the key, and shows what is expected.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise LayoutError(f"{path}: expected an object, found {type(content).__name__}")
    notes: list[str] = []
    channels = _channels(path, content, notes)
    groups = _labels(path, content, notes)
    ignored = groups.pop(IGNORE, None)
    if ignored is not None and len(ignored) != 1:
        raise LayoutError(f"{path}: labels: {IGNORE} is {list(ignored)}, expected one value")
    regions = groups if any(len(values) > 1 for values in groups.values()) else {}
    labels = {values[0]: name for name, values in groups.items() if len(values) == 1}
    if not regions and len(labels) < len(groups):
        raise LayoutError(f"{path}: labels: two names have one value: {_shown(content['labels'])}")
    ending = str(content.get("file_ending") or "")
    return Description(
        channels, labels, regions, None if ignored is None else ignored[0], ending, tuple(notes)
    )


def _channels(path: Path, content: Mapping[str, Any], notes: list[str]) -> tuple[str, ...]:
    key = "channel_names" if content.get("channel_names") else "modality"
    given = content.get(key)
    if not given:
        raise LayoutError(f'{path} names no channels: expected channel_names, such as {{"0": "CT"}}')
    if isinstance(given, list):
        notes.append(f"{path}: {key} is a list, and is read in its order: {', '.join(map(str, given))}")
        return tuple(map(str, given))
    numbered: dict[int, str] = {}
    if isinstance(given, dict) and all(_whole(number) is not None for number in given):
        numbered = {int(number): str(name) for number, name in given.items()}
    elif isinstance(given, dict) and all(_whole(number) is not None for number in given.values()):
        numbered = {int(number): str(name) for name, number in given.items()}
        notes.append(
            f'{path}: {key} is the wrong way round, and is read as {{"0": "{numbered.get(0, "…")}", …}}'
        )
    if sorted(numbered) != list(range(len(given))):
        raise LayoutError(
            f"{path}: {key} is {_shown(given)}; expected the number of each channel from 0 on and its name, such as "
            '{"0": "T1", "1": "T2"}'
        )
    return tuple(numbered[number] for number in sorted(numbered))


def _labels(path: Path, content: Mapping[str, Any], notes: list[str]) -> dict[str, tuple[int, ...]]:
    """Name → values, of each label but the background."""
    given = content.get("labels", {})
    if isinstance(given, list):
        notes.append(
            f"{path}: labels is a list, and is read as values from 0 on: {', '.join(map(str, given))}"
        )
        given = {str(name): value for value, name in enumerate(given)}
    if not isinstance(given, dict):
        raise _not_meant(path, given)
    by_value = all(_whole(key) is not None for key in given)
    by_name = all(_values(value) is not None for value in given.values())
    if by_value and by_name and given:
        raise _not_meant(path, given)  # {"0": "1"}: either could be the name.
    if by_value:  # As version 1 has it.
        if len(set(map(str, given.values()))) < len(given):
            raise LayoutError(f"{path}: labels: two values have one name: {_shown(given)}")
        given = {str(name): int(value) for value, name in given.items()}
    elif not by_name:
        raise _not_meant(path, given)
    elif any(isinstance(value, str) for value in given.values()):
        notes.append(f"{path}: values of labels are text, and are read as numbers")
    groups = {str(name): _values(value) or () for name, value in given.items()}
    return {name: values for name, values in groups.items() if values and values != (0,)}


def _values(value: object) -> tuple[int, ...] | None:
    """One value or several, or none if it is neither."""
    each = [_whole(one) for one in (value if isinstance(value, list) else [value])]
    return None if None in each or not each else tuple(sorted({one for one in each if one is not None}))


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _not_meant(path: Path, given: object) -> LayoutError:
    return LayoutError(
        f"{path}: labels is {_shown(given)}; expected the name of each label and its value, such as "
        '{"background": 0, "liver": 1}, or several values of a region, such as {"whole tumour": [1, 2, 3]}'
    )


def _shown(given: object) -> str:
    text = str(given)
    return text if len(text) <= 120 else text[:120] + " …"
