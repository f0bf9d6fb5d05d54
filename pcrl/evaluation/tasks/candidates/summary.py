"""From probabilities of candidates to AUROC, sensitivities and CPM, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pcrl.evaluation.records.results import Comparison, Line, Metric, Row
from pcrl.evaluation.statistics import bootstrap, froc
from pcrl.evaluation.statistics.bootstrap import Resampled, average, difference
from pcrl.evaluation.statistics.paired import swap
from pcrl.evaluation.statistics.roc import auroc_per_label, roc_curve, thinned
from pcrl.evaluation.tasks.candidates.candidates import Candidates, Nodules
from pcrl.evaluation.tasks.candidates.detections import detections

METRICS = (
    Metric(name="cpm", title="CPM", main=True),
    Metric(name="auroc", title="AUROC"),
    Metric(name="sensitivity", title="Sensitivity"),
)
LABEL = "nodule"
POINTS = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
"""False positives a scan, as `froc.RATES`."""
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """What a seed says of the candidates `rows`.

    Args:
        probabilities: (n,).
        scans: numbers of all cases that are tested, and `patients` whose each is.
    """

    candidates: Candidates
    nodules: Nodules
    rows: NDArray[np.int64]
    probabilities: Values
    scans: list[int]
    patients: list[str]

    def detections(self) -> froc.Detections:
        """What counts for FROC."""
        return detections(self.probabilities, self.rows, self.candidates, self.nodules, self.scans)

    def truth(self) -> Values:
        """(n, 1): nodule or not, as the table says; NaN for candidates that hit an excluded annotation."""
        truth = self.candidates.label[self.rows].astype(np.float64)
        truth[self.candidates.excluded[self.rows]] = np.nan
        return truth[:, None]

    def whose(self) -> list[str]:
        """The patient of each candidate."""
        of = dict(zip(self.scans, self.patients, strict=True))
        return [of[case] for case in self.candidates.case[self.rows].tolist()]


@dataclass(frozen=True, slots=True)
class Again:
    """Resamples, averaged over seeds; none with too few patients."""

    sensitivities: Resampled | None
    auroc: Resampled | None


def resampled(runs: Mapping[int, Found]) -> Again:
    """Resamples of the test patients: every seed alike."""
    curves = [froc.resample(one.detections(), one.patients) for one in runs.values()]
    areas = [
        bootstrap.resample(one.probabilities[:, None], one.truth(), one.whose()) for one in runs.values()
    ]
    return Again(_average(curves), _average(areas))


def rows_of(runs: Mapping[int, Found], again: Again) -> list[Row]:
    """Means over seeds."""
    first = next(iter(runs.values()))
    patients, truth = len(set(first.patients)), first.truth()
    found = np.array([froc.sensitivities(one.detections()) for one in runs.values()])
    areas = [auroc_per_label(one.probabilities[:, None], one.truth())[0] for one in runs.values()]
    counts = {
        "scans": len(first.scans),
        "nodules": len(first.detections().nodule_scores),
        "candidates": len(first.rows),
    }
    curves, area = again.sensitivities, again.auroc
    known = [value for value in areas if value is not None]
    rows = [
        Row(
            label=LABEL, metric="cpm", value=float(found.mean()), patients=patients, counts=counts,
            interval=curves.mean_interval() if curves else None,
        ),
        Row(
            label=LABEL, metric="auroc", value=float(np.mean(known)) if known else None, patients=patients,
            interval=area.intervals()[0] if area else None,
            counts={"positives": int((truth == 1).sum()), "negatives": int((truth == 0).sum())},
        ),
    ]  # fmt: skip
    intervals = curves.intervals() if curves else [None] * len(POINTS)
    for point, value, interval in zip(POINTS, found.mean(axis=0).tolist(), intervals, strict=True):
        label = f"at {point} FP a scan"
        rows.append(Row(label=label, metric="sensitivity", value=value, interval=interval, patients=patients))
    return rows


def compare_first(found: Mapping[str, Mapping[int, Found]], again: Mapping[str, Again]) -> list[Comparison]:
    """The first arm against each other: CPM, with p by swapping the arms within patients."""
    first, *others = found
    comparisons = []
    for other in others:
        pairs = [(found[first][seed], found[other][seed]) for seed in found[first]]
        names, whose = np.unique(pairs[0][0].whose(), return_inverse=True)
        tested = sorted(set(pairs[0][0].patients))
        # Patients without candidates swap nothing.
        place = np.array([tested.index(name) for name in names.tolist()])[whose]
        ranked = [tuple(rankdata(one.probabilities) for one in pair) for pair in pairs]

        def metric(
            arm: int,
            swapped: NDArray[np.bool_],
            pairs: Sequence[tuple[Found, Found]] = pairs,
            ranked: Sequence[tuple[Values, ...]] = ranked,
            place: NDArray[np.int64] = place,
        ) -> float:
            exchanged = swapped[place]
            values = [
                froc.cpm(
                    replace(
                        pair[0], probabilities=np.where(exchanged, ranks[1 - arm], ranks[arm])
                    ).detections()
                )
                for pair, ranks in zip(pairs, ranked, strict=True)
            ]
            return float(np.mean(values))

        nobody = np.zeros(len(tested), bool)
        mine, theirs = again[first].sensitivities, again[other].sensitivities
        comparisons.append(
            Comparison(
                label=LABEL, metric="cpm", arm=first, minus=other,
                difference=metric(0, nobody) - metric(1, nobody),
                interval=difference(mine, theirs) if mine and theirs else None,
                p=swap(metric, len(tested)), patients=len(tested),
            )
        )  # fmt: skip
    return comparisons


def lines_of(found: Mapping[str, Mapping[int, Found]]) -> list[Line]:
    """FROC and ROC curves of every arm, the first seed's."""
    lines = []
    for arm, runs in found.items():
        one = next(iter(runs.values()))
        x, y = thinned(*froc.froc_curve(one.detections()))
        lines.append(Line(kind="froc", arm=arm, label=LABEL, x=x, y=y))
        truth = one.truth()[:, 0]
        known = ~np.isnan(truth)
        positive = truth[known] == 1
        if positive.any() and not positive.all():
            x, y = thinned(*roc_curve(one.probabilities[known], positive))
            lines.append(Line(kind="roc", arm=arm, label=LABEL, x=x, y=y))
    return lines


def _average(parts: Sequence[Resampled | None]) -> Resampled | None:
    there = [part for part in parts if part is not None]
    return average(there) if there else None
