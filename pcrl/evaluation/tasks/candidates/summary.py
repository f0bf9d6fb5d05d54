"""From probabilities of candidates to AUROC, sensitivities and CPM, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pcrl.evaluation.records.results import Comparison, Line, Metric, Row
from pcrl.evaluation.statistics import bootstrap, froc
from pcrl.evaluation.statistics.bootstrap import Resamples, average
from pcrl.evaluation.statistics.probabilities.drawn import drawn_patients
from pcrl.evaluation.statistics.probabilities.precision_recall import weighted_precisions
from pcrl.evaluation.statistics.roc import auroc_per_label, roc_points, thinned
from pcrl.evaluation.statistics.swapped import ExchangeableMetric, compare
from pcrl.evaluation.tasks.candidates.candidates import Candidates, Nodules
from pcrl.evaluation.tasks.candidates.detections import detections

METRICS = (
    Metric(
        name="cpm", title="CPM", main=True, within=(0, 1),
        definition="Mean sensitivity for nodules at 1/8 to 8 false positives a scan, as in LUNA16's evaluation.",
    ),
    Metric(
        name="auroc", title="AUROC", within=(0, 1),
        definition="The chance that a nodule among the candidates scores higher than another candidate.",
    ),
    Metric(
        name="auprc", title="AUPRC", within=(0, 1),
        definition="Average precision of the candidates; guessing comes to the share of nodules among them.",
    ),
    Metric(
        name="sensitivity", title="Sensitivity", within=(0, 1),
        definition="Share of the nodules that are found at a rate of false positives a scan.",
    ),
)  # fmt: skip
LABEL = "nodule"
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """The predictions of one seed for the candidates `rows`.

    Args:
        probabilities: (n,).
        scans: numbers of all test cases; `patients` has the patient of each.
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

    def candidate_patients(self) -> list[str]:
        """The patient of each candidate."""
        of = dict(zip(self.scans, self.patients, strict=True))
        return [of[case] for case in self.candidates.case[self.rows].tolist()]


@dataclass(frozen=True, slots=True)
class CandidateResamples:
    """Scores of the bootstrap samples, averaged over seeds; none with too few patients."""

    sensitivities: Resamples | None
    auroc: Resamples | None


def resampled(runs: Mapping[int, CandidateScores]) -> CandidateResamples:
    """Resamples of the test patients: every seed alike."""
    curves = [froc.resample(one.detections(), one.patients) for one in runs.values()]
    areas = [
        bootstrap.resample(one.probabilities[:, None], one.truth(), one.candidate_patients())
        for one in runs.values()
    ]
    return CandidateResamples(average(curves), average(areas))


def rows_of(runs: Mapping[int, CandidateScores], resamples: CandidateResamples) -> list[Row]:
    """Means over seeds."""
    first = next(iter(runs.values()))
    patients, truth = len(set(first.patients)), first.truth()
    sensitivities = np.array([froc.sensitivities(one.detections()) for one in runs.values()])
    areas = [auroc_per_label(one.probabilities[:, None], one.truth())[0] for one in runs.values()]
    counts = {
        "scans": len(first.scans),
        "nodules": len(first.detections().nodule_scores),
        "candidates": len(first.rows),
    }
    curves, area = resamples.sensitivities, resamples.auroc
    known = [value for value in areas if value is not None]
    rows = [
        Row(
            label=LABEL, metric="cpm", value=float(sensitivities.mean()), patients=patients, counts=counts,
            interval=curves.mean_interval() if curves else None,
        ),
        Row(
            label=LABEL, metric="auroc", value=float(np.mean(known)) if known else None, patients=patients,
            interval=area.intervals()[0] if area else None,
            counts={"positives": int((truth == 1).sum()), "negatives": int((truth == 0).sum())},
        ),
        _precision(list(runs.values())),
    ]  # fmt: skip
    intervals = curves.intervals() if curves else [None] * len(froc.RATES_IN_WORDS)
    for point, value, interval in zip(
        froc.RATES_IN_WORDS, sensitivities.mean(axis=0).tolist(), intervals, strict=True
    ):
        label = f"at {point} FP a scan"
        rows.append(Row(label=label, metric="sensitivity", value=value, interval=interval, patients=patients))
    return rows


def _precision(runs: Sequence[CandidateScores]) -> Row:
    """AUPRC, mean over seeds, with its interval over the patients that have candidates."""
    areas, resamples = [], []
    for one in runs:
        owners = np.unique(np.asarray(one.candidate_patients()), return_inverse=True)[1]
        patients = int(owners.max()) + 1
        truth, drawn = one.truth()[:, 0], drawn_patients(patients)
        areas.append(weighted_precisions(one.probabilities, truth, owners, np.ones((1, patients)))[0])
        if drawn is not None:
            resamples.append(weighted_precisions(one.probabilities, truth, owners, drawn))
    area, first = float(np.mean(areas)), runs[0].truth()
    return Row(
        label=LABEL,
        metric="auprc",
        value=None if np.isnan(area) else area,
        interval=bootstrap.interval_of(np.mean(resamples, axis=0)) if resamples else None,
        patients=len(set(runs[0].patients)),
        counts={"positives": int((first == 1).sum()), "negatives": int((first == 0).sum())},
    )


def compare_first(
    scores: Mapping[str, Mapping[int, CandidateScores]], resamples: Mapping[str, CandidateResamples]
) -> list[Comparison]:
    """CPM of the first arm and of each other."""
    first, *others = scores
    pairs = [
        compare(
            (first, other),
            (LABEL, "cpm"),
            _exchangeable([(scores[first][seed], scores[other][seed]) for seed in scores[first]]),
            (resamples[first].sensitivities, resamples[other].sensitivities),
        )
        for other in others
    ]
    return [pair for pair in pairs if pair is not None]


def _exchangeable(pairs: Sequence[tuple[CandidateScores, CandidateScores]]) -> ExchangeableMetric:
    """The mean CPM over seeds, of the ranks within each arm: networks differ in the scale of their scores."""
    names, patient_index = np.unique(pairs[0][0].candidate_patients(), return_inverse=True)
    tested = sorted(set(pairs[0][0].patients))
    # Patients without candidates swap nothing.
    patient_of = np.array([tested.index(name) for name in names.tolist()])[patient_index]
    ranked = [tuple(rankdata(one.probabilities) for one in pair) for pair in pairs]

    def metric(arm: int, swapped: NDArray[np.bool_]) -> float:
        exchanged = swapped[patient_of]
        values = [
            froc.cpm(
                replace(pair[0], probabilities=np.where(exchanged, ranks[1 - arm], ranks[arm])).detections()
            )
            for pair, ranks in zip(pairs, ranked, strict=True)
        ]
        return float(np.mean(values))

    return ExchangeableMetric(metric, len(tested))


def lines_of(scores: Mapping[str, Mapping[int, CandidateScores]]) -> list[Line]:
    """FROC and ROC curves of every arm, the first seed's."""
    lines = []
    for arm, runs in scores.items():
        one = next(iter(runs.values()))
        x, y = thinned(*froc.froc_curve(one.detections()))
        lines.append(Line(kind="froc", arm=arm, label=LABEL, x=x, y=y))
        curve = roc_points(one.probabilities, one.truth()[:, 0])
        if curve is not None:
            lines.append(Line(kind="roc", arm=arm, label=LABEL, x=curve[0], y=curve[1]))
    return lines
