"""From the overlaps of test cases to scores: by patient, with what was missed, or found where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Comparison, Metric, Row
from pcrl.evaluation.statistics.inference.comparisons import row_of
from pcrl.evaluation.statistics.inference.estimate import UNIT, Estimate, Range
from pcrl.evaluation.statistics.masks.overlap import Overlap, Rules
from pcrl.evaluation.statistics.masks.voxels import FEW_DECIDE, dice_of_voxels
from pcrl.evaluation.statistics.patients import MEAN, Measured, Summary, compare_first, rows
from pcrl.evaluation.tasks.task import Predictions

SUMMARIES: Mapping[str, Summary] = {"dice": "mean", "hd95": "median", "nsd": "mean"}
_LIMITS: Mapping[str, Range] = {"dice": UNIT, "hd95": (0.0, np.inf), "nsd": UNIT}
VOXELS = ("common", "total", "true")
PREDICTED = frozenset({*SUMMARIES, *VOXELS})
"""What is kept of the predictions: arrays (cases, regions), NaN where a score is not defined."""


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A test case in one training, and how many voxels its truth and its prediction have, (regions,) each."""

    measured: Measured
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]


def metrics_of(rules: Rules) -> tuple[Metric, ...]:
    """What is reported, and what it is where there is nothing."""
    worst = f"{rules.missing_distance:g} mm" if rules.missing_distance else "the diagonal of the scan"
    nothing = (
        "with both empty it is right, as in the challenge"
        if rules.absent_is_right
        else "with both empty it is undefined and not part of any mean"
    )
    absent = "" if rules.absent_is_right else " A label that no test patient has is undefined."
    return (
        Metric(
            name="dice", title="Dice", main=True, within=(0, 1),
            definition=f"Mean over patients. 0 where one of truth and prediction is empty; {nothing}.{absent}",
        ),
        Metric(
            name="hd95", title="HD95", unit="mm", better="lower", summary="median",
            definition="The larger of two 95th percentiles of the distances between surfaces, from the prediction and "
            f"from the truth; {worst} where one of them is empty. The median over patients; "
            "arms are compared by the median of the patients' differences.",
        ),
        Metric(
            name="nsd", title=f"NSD at {rules.tolerance:g} mm", within=(0, 1),
            definition="Normalised surface Dice: the share of both surfaces, by area, that lies within "
            f"{rules.tolerance:g} mm of the other. Mean over patients; empty masks as for Dice.",
        ),
        Metric(
            name="global_dice", title="Dice of all voxels", within=(0, 1),
            definition="Of the voxels of all test cases together.",
        ),
    )  # fmt: skip


def arrays_of(overlaps: Sequence[Sequence[Overlap]]) -> Predictions:
    """What is kept of the overlaps of all cases and regions: `PREDICTED`."""
    arrays: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {}
    for name in SUMMARIES:
        # None becomes NaN.
        arrays[name] = np.array([[getattr(one, name) for one in case] for case in overlaps], np.float64)
    for name in VOXELS:
        arrays[name] = np.array([[getattr(one, name) for one in case] for case in overlaps], np.int64)
    return arrays


def without_absent(tested: Sequence[ScoredCase]) -> list[ScoredCase]:
    """Scores of labels that no test patient has are no longer defined, whatever was predicted."""
    absent = ~np.any([one.true > 0 for one in tested], axis=0)
    return [
        replace(
            one,
            measured=replace(
                one.measured,
                values={name: np.where(absent, np.nan, v) for name, v in one.measured.values.items()},
            ),
        )
        for one in tested
    ]


def rows_of(tested: Sequence[ScoredCase], labels: Sequence[str]) -> list[Row]:
    """Of Dice, HD95 and NSD; beside each how often one of truth and prediction was empty."""
    measured = [one.measured for one in tested]
    return [
        row.model_copy(update={"counts": row.counts | empty(tested, labels, row.label)})
        for metric, summary in SUMMARIES.items()
        for row in rows(measured, labels, metric, summary, _LIMITS[metric])
    ]


def empty(tested: Sequence[ScoredCase], labels: Sequence[str], label: str) -> dict[str, int]:
    """How many of the predictions of a label are of nothing, or where there is nothing; of a mean, of its labels.

    None of the counts where each case has the label and a prediction of it.
    """
    chosen = [n for n, name in enumerate(labels) if name == label]
    if label == MEAN and len(labels) > 1:
        defined = ~np.all([np.isnan(one.measured.values["dice"]) for one in tested], axis=0)
        chosen = np.flatnonzero(defined).tolist()
    true, predicted = (
        np.array([getattr(one, side)[chosen] > 0 for one in tested]) for side in ("true", "predicted")
    )
    counts = {
        "missed entirely": int((true & ~predicted).sum()),
        "found where there is none": int((~true & predicted).sum()),
        "both empty": int((~true & ~predicted).sum()),
    }
    found = {name: count for name, count in counts.items() if count}
    return {"predictions": true.size} | found if found else {}


def global_rows(
    runs: Mapping[int, Sequence[Predictions]], labels: Sequence[str], patients: Sequence[str]
) -> list[Row]:
    """Dice of all voxels of each label that a test patient has; the mean over seeds.

    Args:
        runs: seed → predictions of each of its folds.
        patients: whose each case is, of all folds.
    """
    of_seeds = [
        {key: np.concatenate([one[key] for one in folds]) for key in VOXELS} for folds in runs.values()
    ]
    scores = np.array([dice_of_voxels(one["common"], one["total"]) for one in of_seeds])
    there = np.any([one["true"].any(axis=0) for one in of_seeds], axis=0)

    def known(region: int) -> Estimate | None:
        by_seed = scores[:, region]
        return (
            Estimate(float(by_seed.mean()), tuple(by_seed.tolist()), why=FEW_DECIDE)
            if there[region]
            else None
        )

    return [
        row_of((name, "global_dice"), known(region), tuple(runs), len(set(patients)), {})
        for region, name in enumerate(labels)
    ]


def comparisons_of(tested: Mapping[str, Sequence[ScoredCase]], labels: Sequence[str]) -> list[Comparison]:
    """The first arm against each other."""
    measured = {arm: [one.measured for one in each] for arm, each in tested.items()}
    return compare_first(measured, labels, SUMMARIES)
