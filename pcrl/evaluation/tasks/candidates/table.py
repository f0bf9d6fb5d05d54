"""Every probability of every candidate, as LUNA16's evaluation reads them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pcrl.evaluation.tasks.candidates.summary import Found
from pcrl.files import new_file

HEAD = ("seriesuid", "line", "class", "arm", "seed", "probability")


def write_probabilities(path: Path, found: Mapping[str, Mapping[int, Found]], names: Sequence[str]) -> None:
    """A row for each candidate of the test scans, arm and seed; `line` is that of the table of candidates."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for arm, runs in found.items():
            for seed, one in runs.items():
                candidates = one.candidates
                for row, probability in zip(one.rows.tolist(), one.probabilities.tolist(), strict=True):
                    table.writerow(
                        [
                            names[candidates.case[row]], candidates.line[row], int(candidates.label[row]), arm, seed,
                            repr(probability),
                        ]
                    )  # fmt: skip
