"""The text that MetaImage and NRRD files begin with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

META, NRRD = (".mhd", ".mha"), (".nhdr", ".nrrd")
"""Endings of the names of their files."""
_LONGEST_HEADER = 1 << 20
_LOCAL = re.compile(rb"ElementDataFile[ \t]*=[ \t]*LOCAL[ \t]*\r?\n", re.IGNORECASE)
_BLANK = re.compile(rb"\n\r?\n")
_NAME = re.compile(r"[A-Za-z_][\w -]*", re.ASCII)
_FIELD = re.compile(r"([^:=]*)(:=|[:=]?)(.*)")


@dataclass(frozen=True, slots=True)
class TextHeader:
    """What the text of a header says.

    Args:
        fields: by their names in lower case.
        after: the lines after the last of them.
        odd: lines before the last of them that are no field.
        end: the byte after it; None where the voxels are files of their own.
    """

    fields: dict[str, str]
    after: list[str]
    end: int | None
    odd: tuple[str, ...] = ()


def is_meta(path: Path) -> bool:
    """Whether a file is called like a MetaImage."""
    return path.suffix.lower() in META


def text_header(path: Path) -> TextHeader:
    """The text that a MetaImage or an NRRD begins with.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(_LONGEST_HEADER)
    is_nrrd = path.suffix.lower() in NRRD
    ended = (_BLANK if is_nrrd else _LOCAL).search(content)
    text = content[: ended.end()] if ended else content
    fields: dict[str, str] = {}
    after: list[str] = []
    odd: list[str] = []
    for line in text.decode("utf-8", "replace").splitlines():
        key, mark, value = (part.strip() for part in _FIELD.fullmatch(line.strip()).groups())  # type: ignore[union-attr]
        if mark in (":", "=") and not line.startswith("#"):
            fields[key.lower()] = value
            odd += [*after, *([] if _NAME.fullmatch(key) else [line])]
            after = []
        elif line.strip() and not mark:
            after.append(line.strip())
        if value == "LOCAL" or (not line.strip() and is_nrrd):
            break
    detached = is_nrrd and ("data file" in fields or "datafile" in fields)
    return TextHeader(fields, after, ended.end() if ended and not detached else None, tuple(odd))
