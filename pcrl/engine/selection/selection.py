"""What a training sees of a cache, whether it is volumes or images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pcrl.config import Recipe
from pcrl.engine.batch import Renderer
from pcrl.engine.fingerprints.fingerprints import Fingerprints


@dataclass(frozen=True, slots=True)
class Seen:
    """What a training on a selection sees: data sets by name, and scans by what gives them away."""

    datasets: set[str]
    scans: Fingerprints


class Selection(Protocol):
    """The data that a training uses, and its recipe."""

    @property
    def recipe(self) -> Recipe:
        """All settings; those that samples are made by among them."""

    @property
    def held_back(self) -> int:
        """Cases that are left out, as an evaluation could be scored on their patients."""

    def __len__(self) -> int: ...

    def renderer(self) -> Renderer:
        """Makes samples of it."""

    def seen(self) -> Seen:
        """All its cases, and of whom they are."""

    def identity(self) -> str:
        """A digest of its content."""

    def describe(self) -> str:
        """Its numbers of cases and patients, in words."""
