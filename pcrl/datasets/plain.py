"""Files of odd names, for libraries that take none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrl.datasets.names import is_plain


@contextmanager
def plain_path(path: Path) -> Iterator[Path]:
    """A path to the same file or folder that any library takes, for the length of the block.

    Names that are not UTF-8, as archives packed on Windows leave them, or that hold a line break, are no text to
    libraries in C++. Of those a folder of links is made: `scan` with the suffixes of the file, or a link for each file
    of the folder. Other files that belong to a header are linked by their own names.
    """
    odd = [path] if not is_plain(str(path)) else []
    if path.is_dir() and not odd:
        odd = [file for file in path.iterdir() if not is_plain(file.name)]
    if not odd:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="pcrl-") as made:
        folder = Path(made)
        if path.is_dir():
            for number, file in enumerate(sorted(path.iterdir())):
                suffix = file.suffix if is_plain(file.suffix) else ""
                (folder / f"{number:06}{suffix}").symlink_to(file.absolute())
            yield folder
            return
        for file in path.parent.iterdir():
            if is_plain(file.name) and file.suffix.lower() in (".raw", ".zraw", ".img"):
                (folder / file.name).symlink_to(file.absolute())
        ending = "".join(suffix for suffix in path.suffixes[-2:] if is_plain(suffix))
        link = folder / f"scan{ending}"
        link.symlink_to(path.absolute())
        yield link
