"""One training of an arm among several."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replicate:
    """One training of an arm: its seed, and the fold that is tested, if folds are asked for."""

    seed: int
    fold: int | None = None

    def __str__(self) -> str:
        """As part of a file's name: `seed0`, `seed0-fold3`."""
        return f"seed{self.seed}" + ("" if self.fold is None else f"-fold{self.fold}")
