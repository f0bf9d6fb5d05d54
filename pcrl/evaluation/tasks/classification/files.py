"""What an evaluation of a classifier leaves beside its results: who was on which side, every score, figures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pcrl.evaluation.tasks.classification.figures import save_calibration, save_roc
from pcrl.evaluation.tasks.classification.summary import Scores, Tables
from pcrl.files import new_file

Found = Mapping[str, Mapping[int, Scores]]
"""Arm → seed → probabilities (n, labels) of the test images."""


def write_scores(path: Path, found: Found, tables: Tables) -> None:
    """A row for each test image, arm and seed: the probability of every label, and the truth, empty where unknown."""
    head = ["name", "patient", "study", "arm", "seed"]
    head += [f"{what} {label}" for what in ("score", "truth") for label in tables.names]
    truth = [["" if np.isnan(value) else int(value) for value in row] for row in tables.truth]
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        for arm, runs in found.items():
            for seed, scores in runs.items():
                for n, name in enumerate(tables.images):
                    shown = [f"{value:.6g}" for value in scores[n]]
                    table.writerow(
                        [name, tables.patients[n], tables.studies[n], arm, seed, *shown, *truth[n]]
                    )


def write_figures(out: Path, found: Found, tables: Tables) -> None:
    """ROC curves and reliability diagrams of the scored labels, per image; of several seeds, the first."""
    arms = {}
    for arm, runs in found.items():
        seed, scores = next(iter(runs.items()))
        arms[arm if len(runs) == 1 else f"{arm}, seed {seed}"] = scores[:, tables.columns]
    truth = tables.truth[:, tables.columns]
    save_roc(out / "roc.png", arms, truth, tables.scored)
    save_calibration(out / "calibration.png", arms, truth, tables.scored)
