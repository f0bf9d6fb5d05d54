"""What the text of a MetaImage states, held against what ITK made of it, which passes over what it does not grasp."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.text import NRRD, is_meta, text_header

_TRUTHS = ("binarydata", "binarydatabyteordermsb", "elementbyteordermsb", "compresseddata")
_NUMBERS = {
    "dimsize", "elementspacing", "elementsize", "offset", "position", "origin", "transformmatrix", "rotation",
    "orientation", "centerofrotation", "headersize", "compresseddatasize", "elementnumberofchannels",
}  # fmt: skip
_TRUTH = re.compile(r"true|false|t|f|1|0", re.IGNORECASE)
_NEAR = 1e-4


def check_taken(
    path: Path,
    sizes: Sequence[int],
    spacing: Sequence[float],
    origin: Sequence[float],
    direction: Sequence[float],
) -> None:
    """Refuse a MetaImage of which ITK has not taken what its header states.

    Args:
        sizes, spacing, origin, direction: of the image, as ITK gives them.

    Raises:
        ReadError: names the field. One that is no number or no truth, where it should be; one that was passed over; or
            a length of compressed voxels that is not that of the file.
    """
    if path.suffix.lower() in NRRD:
        _check_nrrd(path, spacing)
    if not is_meta(path):
        return
    fields = text_header(path).fields
    for name in _TRUTHS:
        if name in fields and not _TRUTH.fullmatch(fields[name]):
            raise _odd(path, name, fields[name], "True or False")
    stated: dict[str, list[float]] = {}
    for name in _NUMBERS & fields.keys():
        try:
            stated[name] = [float(word) for word in fields[name].split()]
        except ValueError as error:
            raise _odd(path, name, fields[name], "numbers") from error
        if not np.isfinite(stated[name]).all():
            raise _odd(path, name, fields[name], "numbers, and some are not finite")
    taken = {
        "dimsize": sizes,
        "elementspacing" if "elementspacing" in stated else "elementsize": spacing,
        next((name for name in ("offset", "position", "origin") if name in stated), ""): origin,
    }
    for name, values in taken.items():
        if name in stated and not _same(stated[name], values):
            raise _odd(path, name, fields[name], f"what ITK reads there, {_words(values)}")
    axes = math.isqrt(len(direction))
    for name in ("transformmatrix", "rotation", "orientation"):
        # ITK makes unit vectors of it, and takes columns for rows.
        if name in stated and len(stated[name]) == axes**2:
            matrix = np.reshape(stated[name], (axes, axes))
            if not np.allclose(matrix.T, np.reshape(direction, (axes, axes)), atol=1e-3):
                raise _odd(path, name, fields[name], f"what ITK reads there, {_words(direction)}")
            break
    _check_length(path, fields, stated)


def _check_nrrd(path: Path, spacing: Sequence[float]) -> None:
    """Numbers that are none: ITK takes what they begin with."""
    fields = text_header(path).fields
    for name in ("space directions", "space origin", "spacings"):
        if name not in fields:
            continue
        vectors = [word.strip("()") for word in re.findall(r"\([^)]*\)|\S+", fields[name])]
        try:
            rows = [[float(part) for part in word.split(",")] for word in vectors if word.lower() != "none"]
        except ValueError as error:
            raise _odd(path, name, fields[name], "numbers") from error
        if name == "space directions" and not _same([math.hypot(*row) for row in rows], spacing):
            raise _odd(path, name, fields[name], f"what ITK reads there, of a spacing of {_words(spacing)}")


def _check_length(path: Path, fields: dict[str, str], stated: dict[str, list[float]]) -> None:
    """ITK decompresses as many bytes as the header states."""
    end = text_header(path).end
    if end is None or fields.get("compresseddata", "false").lower() not in ("true", "1"):
        return
    found = path.stat().st_size - end
    if stated.get("compresseddatasize") != [found]:
        raise _odd(path, "compresseddatasize", fields.get("compresseddatasize", "nothing"), f"{found}")


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and np.allclose(one, other, rtol=_NEAR, atol=_NEAR)


def _words(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _odd(path: Path, name: str, found: str, expected: str) -> ReadError:
    return ReadError(
        f"{path}: {name} is stated as {found[:80]!r}, expected {expected}: the header is damaged; copy the file again, "
        "or correct it"
    )
