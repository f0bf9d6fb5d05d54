"""The two ways to keep the pixels of a case, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from pcrl.engine.cache.chunks.frames import ChunkTable, Frames
from pcrl.engine.geometry.grid import Grid


class Store(ABC):
    """Writes and finds the arrays of a case: its image, its label, its label on the original grid."""

    image: str
    """Name of the image's file or folder in the folder of the case."""
    labels: str
    """The same of the labels."""
    image_files: tuple[str, ...]
    """All files that an image may consist of, as paths below the folder of the case."""
    label_files: tuple[str, ...]
    """The same of the labels."""

    @abstractmethod
    def write_image(
        self, folder: Path, name: str, frames: Frames, grid: Grid, attributes: dict[str, Any]
    ) -> None:
        """Write (channel, z, y, x) into the new folder of a case."""

    @abstractmethod
    def write_labels(
        self, folder: Path, label: Frames, grid: Grid, original: Frames, original_grid: Grid
    ) -> None:
        """Write or replace the labels, (z, y, x) each, in one step."""

    @abstractmethod
    def image_table(self, folder: Path) -> ChunkTable:
        """Where the image's chunks are.

        Raises:
            CacheError: missing, damaged, or not as pcrl writes it.
        """

    @abstractmethod
    def label_table(self, folder: Path, original: bool = False) -> ChunkTable:
        """Where the chunks of the label are, on the cache's grid or on its own; raises as `image_table`."""

    @abstractmethod
    def image_attributes(self, folder: Path) -> dict[str, Any]:
        """The attributes given to `write_image`."""

    @abstractmethod
    def check(self, folder: Path, labelled: bool) -> None:
        """Compare a case with the specification of its format.

        Raises:
            CacheError: not valid; the message says what the specification wants.
        """
