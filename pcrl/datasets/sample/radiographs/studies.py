"""What the synthetic radiographs show: patients, visits, views and findings, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pcrl.datasets.sample.radiographs.painting import FINDINGS

SEED = 20_23
Tree = Literal["chexpert", "chestxray"]
TREES: tuple[Tree, ...] = ("chexpert", "chestxray")
_EVERY_FIFTH = 5
_NORMAL, _PRESENT, _LATERAL = 0.2, 0.3, 0.25
"""Shares of visits without a finding, of the others with each finding, of CheXpert's visits with a lateral view."""


@dataclass(frozen=True, slots=True)
class Study:
    """A visit.

    Args:
        patient: from 1.
        number: of the visit, from 1.
        test: belongs to the published test set, which is made of another CT than the rest.
        findings: name → severity from 0 to 1.
        views: one image each.
    """

    tree: Tree
    patient: int
    number: int
    test: bool
    findings: dict[str, float]
    views: tuple[Literal["frontal", "lateral"], ...]

    def seed(self, purpose: int) -> list[int]:
        """For a generator of the visit's own, so that more visits leave those before as they were."""
        return [SEED, TREES.index(self.tree), self.patient, self.number, purpose]


def draw(tree: Tree, images: int) -> list[Study]:
    """Visits with so many images in all; the first ones are the same for any number."""
    import numpy as np

    studies: list[Study] = []
    left, patient = images, 0
    while left > 0:
        patient += 1
        rng = np.random.default_rng([SEED, TREES.index(tree), patient])
        for number in range(1, 2 + int(rng.integers(2))):
            normal = rng.random() < _NORMAL
            findings = {
                name: float(severity)
                for name, chance, severity in zip(
                    FINDINGS, rng.random(len(FINDINGS)), rng.random(len(FINDINGS)), strict=True
                )
                if not normal and chance < _PRESENT
            }
            lateral = rng.random() < _LATERAL and tree == "chexpert" and left > 1
            if left > 0:
                views: tuple[Literal["frontal", "lateral"], ...] = (
                    ("frontal", "lateral") if lateral else ("frontal",)
                )
                studies.append(Study(tree, patient, number, patient % _EVERY_FIFTH == 0, findings, views))
                left -= len(views)
    return studies
