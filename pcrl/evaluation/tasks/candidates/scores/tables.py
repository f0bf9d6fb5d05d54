"""Every probability of every candidate, as LUNA16's evaluation reads them, and the thresholds of all trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.tasks.candidates.scores.summary import CandidateScores
from pcrl.files import write_csv

HEAD = ("seriesuid", "line", "class", "arm", "seed", "probability")


def write_probabilities(
    path: Path, scores: Mapping[str, Mapping[int, CandidateScores]], names: Sequence[str]
) -> None:
    """A row for each candidate of the test scans, arm and seed; `line` is that of the table of candidates.

    Args:
        scores: arm → seed → scores.
        names: of all cases of the data set.
    """

    def rows() -> Iterator[list[object]]:
        for arm, runs in scores.items():
            for seed, one in runs.items():
                candidates = one.candidates
                for row, probability in zip(one.rows.tolist(), one.probabilities.tolist(), strict=True):
                    label = int(candidates.label[row])
                    yield [
                        names[candidates.case[row]], candidates.line[row], label, arm, seed, repr(probability)
                    ]  # fmt: skip

    write_csv(path, HEAD, rows())


def write_thresholds(path: Path, thresholds: Mapping[str, Mapping[Replicate, float | None]]) -> None:
    """A row for each arm, seed and fold: the threshold that validation scans chose, empty where there are none."""
    rows = [
        [arm, replicate.seed, replicate.fold, threshold]
        for arm, of in thresholds.items()
        for replicate, threshold in of.items()
    ]
    write_csv(path, ("arm", "seed", "fold", "threshold"), rows)
