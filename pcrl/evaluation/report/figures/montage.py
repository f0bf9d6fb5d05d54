"""Pictures of the best, the median and the worst cases, embedded as they are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcrl.evaluation.records.results import Picture, Results
from pcrl.evaluation.report.numbers import number
from pcrl.evaluation.report.tables.headline import metric_of

_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    """A picture in the page; `problem` says why there is none."""

    picture: Picture
    value: str
    metric: str
    source: str
    problem: str


@dataclass(frozen=True, slots=True)
class Montage:
    """Pictures of one arm and label, best first."""

    arm: str
    label: str
    pictures: Sequence[EmbeddedPicture]


def montages(results: Results, folder: Path) -> list[Montage]:
    """Read the pictures of an evaluation's folder; one that cannot be shown is told, and the others are shown."""
    ranks = ("best", "median", "worst")
    groups = dict.fromkeys((picture.arm, picture.label) for picture in results.pictures)
    return [
        Montage(
            arm,
            label,
            [
                _shown(results, picture, folder)
                for picture in sorted(results.pictures, key=lambda each: ranks.index(each.rank))
                if (picture.arm, picture.label) == (arm, label)
            ],
        )
        for arm, label in groups
    ]


def _shown(results: Results, picture: Picture, folder: Path) -> EmbeddedPicture:
    source, problem = _embedded(folder, picture.file)
    metric = metric_of(results, picture.metric)
    value = number(picture.value, 3 if abs(picture.value) < 2 else 1)
    return EmbeddedPicture(picture, f"{value} {metric.unit}".strip(), metric.title, source, problem)


def _embedded(folder: Path, file: str) -> tuple[str, str]:
    """The picture as a data URI, or why not."""
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()):
        return "", f"{file} is outside of the evaluation's folder"
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return "", f"{file} cannot be read ({reason})"
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
    if kind is None:
        return "", f"{file} is neither JPEG nor PNG"
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}", ""
