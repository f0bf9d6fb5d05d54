"""Volumes to pre-train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pcrl.config import TissueRule, VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset, identity
from pcrl.engine.cache.volumes.records import patients_in_words
from pcrl.engine.selection.fingerprints import fingerprints_of_cases
from pcrl.engine.selection.selection import Seen
from pcrl.engine.volumes.render import VolumeRenderer
from pcrl.listing import counted


@dataclass(frozen=True, slots=True)
class VolumeSelection:
    """Volumes to train on, each with its tissue rule; see `pcrl.engine.selection.selection.Selection`."""

    recipe: VolumeRecipe
    cases: tuple[CachedCase, ...]
    rules: tuple[TissueRule, ...]
    held_back: int

    def __len__(self) -> int:
        return len(self.cases)

    def renderer(self) -> VolumeRenderer:
        """See `pcrl.engine.selection.selection.Selection`."""
        return VolumeRenderer(self.cases, self.rules, self.recipe)

    def seen(self) -> Seen:
        """See `pcrl.engine.selection.selection.Selection`."""
        return Seen({case.dataset for case in self.cases}, fingerprints_of_cases(self.cases))

    def identity(self) -> str:
        """See `pcrl.engine.selection.selection.Selection`."""
        return identity(list(self.cases), whole=self.recipe.training.on_corrupt == "stop")

    def describe(self) -> str:
        """See `pcrl.engine.selection.selection.Selection`."""
        return f"{counted(len(self.cases), 'case')} of {patients_in_words(case.entry for case in self.cases)}"


def select_volumes(
    datasets: Sequence[CachedDataset], held: set[str], recipe: VolumeRecipe
) -> VolumeSelection:
    """The cases of `datasets` whose patients are not held back."""
    cases: list[CachedCase] = []
    rules: list[TissueRule] = []
    held_back = 0
    tissue = recipe.views.tissue
    for dataset in datasets:
        rule = dataset.record.tissue if tissue == "auto" else tissue
        for case in dataset.cases:
            if case.patient in held:
                held_back += 1
            else:
                cases.append(case)
                rules.append(rule)
    return VolumeSelection(recipe, tuple(cases), tuple(rules), held_back)
