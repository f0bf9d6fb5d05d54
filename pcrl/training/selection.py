"""Which cases pre-training may see: never a patient that an evaluation could be scored on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pcrl.config import ImageRecipe, Recipe, TissueRule, VolumeRecipe
from pcrl.engine.batch import Renderer
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset, identity
from pcrl.engine.cache.volumes.records import count_patients
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.volumes.render import VolumeRenderer


@dataclass(frozen=True, slots=True)
class Seen:
    """What a training on a selection sees.

    Args:
        cases: `DATASET/NAME` of each.
        pixels: digests of their pixels.
    """

    datasets: set[str]
    cases: list[str]
    patients: set[str]
    pixels: set[str]


class Selection(Protocol):
    """What to train on."""

    @property
    def held_back(self) -> int:
        """Cases that are left out, as an evaluation could be scored on their patients."""

    def __len__(self) -> int: ...

    def renderer(self) -> Renderer:
        """Makes samples of it."""

    def seen(self) -> Seen:
        """Everything in it, by name."""

    def identity(self) -> str:
        """A digest of its content."""

    def describe(self) -> str:
        """How much it is, in words."""


@dataclass(frozen=True, slots=True)
class VolumeSelection:
    """Volumes to train on, each with its tissue rule; see `Selection`."""

    recipe: VolumeRecipe
    cases: tuple[CachedCase, ...]
    rules: tuple[TissueRule, ...]
    held_back: int

    def __len__(self) -> int:
        return len(self.cases)

    def renderer(self) -> VolumeRenderer:
        """See `Selection`."""
        return VolumeRenderer(self.cases, self.rules, self.recipe)

    def seen(self) -> Seen:
        """See `Selection`."""
        return Seen(
            {case.dataset for case in self.cases},
            [f"{case.dataset}/{case.name}" for case in self.cases],
            {case.patient for case in self.cases},
            {case.record.pixels for case in self.cases},
        )

    def identity(self) -> str:
        """See `Selection`."""
        return identity(list(self.cases))

    def describe(self) -> str:
        """See `Selection`."""
        return f"{len(self.cases)} cases of {count_patients(case.entry for case in self.cases)}"


@dataclass(frozen=True, slots=True)
class ImageSelection:
    """Images to train on: positions in the tables of data sets; see `Selection`."""

    recipe: ImageRecipe
    sets: tuple[tuple[CachedImages, NDArray[np.int64]], ...]
    held_back: int

    def __len__(self) -> int:
        return sum(len(chosen) for _, chosen in self.sets)

    def renderer(self) -> ImageRenderer:
        """See `Selection`."""
        return ImageRenderer(self.sets, self.recipe)

    def seen(self) -> Seen:
        """See `Selection`."""
        rows = [(images.name, images.table, n) for images, chosen in self.sets for n in chosen]
        return Seen(
            {name for name, _, _ in rows},
            [f"{name}/{table.names[n]}" for name, table, n in rows],
            {table.patients[n] for _, table, n in rows},
            {table.pixels[n] for _, table, n in rows},
        )

    def identity(self) -> str:
        """See `Selection`."""
        digest = hashlib.sha256()
        for images, chosen in self.sets:
            digest.update(f"{images.name}\n".encode() + images.table_bytes() + chosen.tobytes())
        return digest.hexdigest()

    def describe(self) -> str:
        """See `Selection`."""
        rows = [(images.table, n) for images, chosen in self.sets for n in chosen]
        patients = {table.patients[n] for table, n in rows}
        made = sum(bool(table.virtual[n]) for table, n in rows)
        return f"{len(rows)} images of {len(patients)} patients" + (f", {made} synthetic" if made else "")


def select(cache: Cache, names: tuple[str, ...], recipe: Recipe) -> Selection:
    """Training patients of the named data sets of a cache (all if none is named) that the recipe is for.

    Data sets that have neither labels nor folds are taken whole. A patient whom any data set of the cache holds for
    validation or test is left out everywhere.
    """
    held = held_patients(cache.datasets(), cache.image_sets())
    if isinstance(recipe, ImageRecipe):
        return select_images(cache.image_sets(names), held, recipe)
    return select_volumes(cache.datasets(names), held, recipe)


def held_patients(datasets: Iterable[CachedDataset], image_sets: Iterable[CachedImages]) -> set[str]:
    """Patients on whom an evaluation could be scored, or its model chosen."""
    of_volumes = {
        case.patient
        for dataset in datasets
        if _is_scored(dataset)
        for case in dataset.cases
        if case.split != "train"
    }
    of_images = {
        patient
        for images in image_sets
        if images.record.label_names
        for patient, split in zip(images.table.patients, images.table.splits, strict=True)
        if split != "train"
    }
    return of_volumes | of_images


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


def select_images(image_sets: Sequence[CachedImages], held: set[str], recipe: ImageRecipe) -> ImageSelection:
    """The images of `image_sets` whose patients are not held back."""
    sets, held_back = [], 0
    for images in image_sets:
        free = np.array([patient not in held for patient in images.table.patients], bool)
        sets.append((images, np.flatnonzero(free)))
        held_back += int((~free).sum())
    return ImageSelection(recipe, tuple(sets), held_back)


def _is_scored(dataset: CachedDataset) -> bool:
    """Whether an evaluation could be scored on some of it."""
    return any(case.has_label or case.entry.fold is not None for case in dataset.cases)
