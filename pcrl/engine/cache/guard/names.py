"""Names that come out of records, before they become paths: a cache may come from a stranger.

Names that differ in case or Unicode form alone are two names: a case is found by the exact name that its folder has,
and a file system that holds only one of them holds only one of the cases.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

LONGEST = 240
"""Bytes of a name: file systems take 255, and while something is written its name is a little longer."""
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control and format characters, halves of letters, ends of lines: see Unicode's general categories."""


def check_name(name: str) -> str:
    """The name of a data set, a case or a table, as it is.

    Raises:
        ValueError: it is no plain name of a file; says why.
    """
    if "/" in name or "\\" in name:
        raise ValueError(f"{name!r} is not the name of one file or folder: it holds a separator")
    if name.startswith("."):
        raise ValueError(f"{name!r} begins with a dot, as only what pcrl leaves aside does")
    return _check(name, name)


def check_path(path: str) -> str:
    """The path of a file below a folder of the cache, as it is.

    Raises:
        ValueError: it would lead out of the folder, or is no plain path; says why.
    """
    for part in path.split("/"):
        _check(part, path)
    return path


def check_key(name: str) -> str:
    """The name of an image, as it is: parts between slashes of any length, which never become a path of the cache.

    Raises:
        ValueError: it would lead out of a folder if it did; says why.
    """
    for part in name.split("/"):
        _check(part, name, longest=None)
    return name


def _check(name: str, whole: str, longest: int | None = LONGEST) -> str:
    fault = ""
    if name in ("", ".", ".."):
        fault = "it is empty or absolute, or holds a part that is no name, such as `..`"
    elif not (name.isascii() and name.isprintable()) and any(
        unicodedata.category(c) in _UNSEEN for c in name
    ):
        fault = "it holds a character that cannot be seen"
    elif longest is not None and len(name.encode("utf-8", "surrogatepass")) > longest:
        fault = f"it is longer than {longest} bytes"
    if fault:
        raise ValueError(f"{whole!r} cannot name a file below this folder: {fault}")
    return name


Name = Annotated[str, AfterValidator(check_name)]
"""Of a folder or file, as a field of a record."""
FilePath = Annotated[str, AfterValidator(check_path)]
"""Of a file below the folder that a record is about, parts between slashes, as a field of a record."""
Key = Annotated[str, AfterValidator(check_key)]
"""Of an image, as a field of a record."""
