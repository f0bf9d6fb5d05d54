"""What an evaluation of a classifier leaves beside its results: every score, thresholds, reliability diagrams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pcrl.evaluation.tasks.classification.details.operating import Thresholds
from pcrl.evaluation.tasks.classification.figures import save_calibration
from pcrl.evaluation.tasks.classification.summary import Scores, Tables
from pcrl.files import write_csv

ScoresOfArms = Mapping[str, Mapping[int, Scores]]
"""Arm → seed → probabilities (n, labels) of the test images."""


def write_scores(path: Path, scores: ScoresOfArms, tables: Tables) -> None:
    """A row for each test image, arm and seed: the probability of every label, and the truth, empty where unknown."""
    head = ["name", "patient", "study", "arm", "seed"]
    head += [f"{what} {label}" for what in ("score", "truth") for label in tables.names]
    truth = [[None if np.isnan(value) else int(value) for value in row] for row in tables.truth]

    def rows() -> Iterator[list[object]]:
        for arm, runs in scores.items():
            for seed, probabilities in runs.items():
                for n, name in enumerate(tables.images):
                    shown = [f"{value:.6g}" for value in probabilities[n]]
                    yield [name, tables.patients[n], tables.studies[n], arm, seed, *shown, *truth[n]]

    write_csv(path, head, rows())


def write_thresholds(path: Path, thresholds: Mapping[str, Thresholds], tables: Tables) -> None:
    """A row for each arm, seed and scored label: the threshold that validation images chose, empty where none did."""

    def rows() -> Iterator[list[object]]:
        for arm, of_seeds in thresholds.items():
            for seed, values in of_seeds.items():
                for label, value in zip(tables.scored, values.tolist(), strict=True):
                    yield [arm, seed, label, None if np.isnan(value) else value]

    write_csv(path, ["arm", "seed", "label", "threshold"], rows())


def write_calibration(path: Path, scores: ScoresOfArms, tables: Tables) -> None:
    """Reliability diagrams of the scored labels, per image; of several seeds, the first."""
    arms = {}
    for arm, runs in scores.items():
        seed, probabilities = next(iter(runs.items()))
        arms[arm if len(runs) == 1 else f"{arm}, seed {seed}"] = probabilities[:, tables.columns]
    save_calibration(path, arms, tables.truth[:, tables.columns], tables.scored)
