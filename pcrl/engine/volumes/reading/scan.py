"""A scan in memory, as the reader gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pcrl.config import Modality
from pcrl.engine.geometry.grid import Grid


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan as read: `values` (z, y, x) in LPS orientation, its grid, and what a user should know about it."""

    values: NDArray[Any]
    grid: Grid
    modality: Modality | None = None
    notes: tuple[str, ...] = ()
