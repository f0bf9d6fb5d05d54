"""Which file a table means: by its path, by its name without a suffix, or by a path of another machine."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from pcrl.datasets.case import LayoutError
from pcrl.datasets.layouts.images.folder import DICOM_SUFFIXES, SUFFIXES
from pcrl.datasets.tree import walk

ENDINGS = (*SUFFIXES, *DICOM_SUFFIXES)


class ImageFinder:
    """Finds images below a folder. The folder is walked once, when a path is not there as it is written.

    Args:
        column: of the images, for messages.
    """

    def __init__(self, images: Path, column: str) -> None:
        self.images, self.column = images, column
        self.shortened = 0
        """Rows whose path began elsewhere."""
        self._of: dict[str, str] = {}

    def find(self, text: str, where: str) -> str:
        """The path of an image, relative to the folder, with forward slashes; where it would be if it is missing.

        Raises:
            LayoutError: empty, or above the folder; several images of that name; two texts that mean one image. `where`
                is the file and line.
        """
        written = PurePosixPath(text.replace("\\", "/"))
        home = self.images.resolve().as_posix()
        path = written.relative_to(home) if written.is_relative_to(home) else written
        if not text or ".." in path.parts:
            raise self._no_path(text, where)
        found = str(path) if not path.is_absolute() and (self.images / path).is_file() else None
        found = found or self._completed(str(path), where) or self._shortened(path, where)
        if found is None:
            if path.is_absolute():
                raise self._no_path(text, where)
            found = str(path)
        return found

    def _completed(self, path: str, where: str) -> str | None:
        """The image of a path without its suffix, or of a bare name that one image has at any depth."""
        found = self._by_stem.get(path) or ([] if "/" in path else self._by_name.get(path, []))
        if len(found) > 1:
            raise LayoutError(
                f"{where}: {self.column} is {path!r}, and {' and '.join(found[:2])} in {self.images} are called so: "
                "give the path of one"
            )
        return found[0] if found else None

    def _shortened(self, path: PurePosixPath, where: str) -> str | None:
        """The longest end of a path that is an image here: the rest is a folder of another machine."""
        for start in range(1, len(path.parts)):
            end = str(PurePosixPath(*path.parts[start:]))
            found = [end] if end in self._all else self._by_stem.get(end, [])
            if len(found) == 1:
                self.shortened += 1
                if (first := self._of.setdefault(found[0], str(path))) != str(path):
                    raise LayoutError(
                        f"{where}: {self.column} is {str(path)!r}, and {first!r} in a line before it: both come to "
                        f"{found[0]} in {self.images}. Give the folder with --images that these paths start from"
                    )
                return found[0]
        return None

    @cached_property
    def _all(self) -> set[str]:
        return {
            (folder / name).relative_to(self.images).as_posix()
            for folder, names in walk(self.images)
            for name in names
            if name.lower().endswith(ENDINGS) or "." not in name
        }

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        """Path without its suffix → images."""
        return _grouped((str(PurePosixPath(path).with_suffix("")), path) for path in sorted(self._all))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Name, with and without its suffix → images at any depth."""
        pairs = [(PurePosixPath(path).name, path) for path in sorted(self._all)]
        pairs += [
            (PurePosixPath(path).stem, path) for path in sorted(self._all) if PurePosixPath(path).suffix
        ]
        return _grouped(pairs)

    def _no_path(self, text: str, where: str) -> LayoutError:
        return LayoutError(
            f"{where}: {self.column} is {text!r}, expected the path of an image in {self.images}"
        )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, path in pairs:
        groups.setdefault(key, []).append(path)
    return groups
