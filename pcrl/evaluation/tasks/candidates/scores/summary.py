"""From probabilities of candidates to AUROC, sensitivities and CPM, with intervals over patients and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.records.results import Comparison, Line, Metric, Row
from pcrl.evaluation.statistics import froc
from pcrl.evaluation.statistics.inference.comparisons import comparison, row_of
from pcrl.evaluation.statistics.inference.estimate import Estimate
from pcrl.evaluation.statistics.inference.jackknife import deleted_aurocs, pseudo_values
from pcrl.evaluation.statistics.inference.shared import SharedScores
from pcrl.evaluation.statistics.probabilities.precision_recall import weighted_precisions
from pcrl.evaluation.statistics.roc import auroc_per_label, roc_points, thinned
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
SIDES = ("with a nodule", "in all, who may have false positives")
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """The predictions of one seed for the candidates `rows`.

    Args:
        probabilities: (n,).
        scans: numbers of all test cases; `patients` has the patient of each.
        called: (n,), what is called a nodule at the threshold that validation scans chose; none where none did.
    """

    candidates: Candidates
    nodules: Nodules
    rows: NDArray[np.int64]
    probabilities: Values
    scans: list[int]
    patients: list[str]
    called: NDArray[np.bool_] | None = None

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
class CandidateResults:
    """The scores of one arm with pseudo-values of the patients.

    Args:
        sensitivities: a column for each of `froc.RATES`; their mean is the CPM.
    """

    seeds: tuple[int, ...]
    sensitivities: SharedScores
    auroc: SharedScores
    auprc: SharedScores


def results_of(runs: Mapping[int, CandidateScores]) -> CandidateResults:
    """Scores of each seed, and what each patient contributes to them."""
    curves = [froc.sensitivities(one.detections()) for one in runs.values()]
    deleted = [froc.deleted_sensitivities(one.detections(), one.patients) for one in runs.values()]
    with_nodule, patients = sides_of(next(iter(runs.values())))
    areas = [auroc_per_label(one.probabilities[:, None], one.truth())[0] for one in runs.values()]
    area = np.array([np.nan if value is None else value for value in areas])
    return CandidateResults(
        tuple(runs),
        SharedScores(
            np.array(curves),
            np.array([pseudo_values(*pair) for pair in zip(curves, deleted, strict=True)]),
            np.tile([with_nodule, patients], (len(froc.RATES), 1)),
            SIDES,
        ),
        SharedScores(
            area[:, None],
            np.array([pseudo_values(*pair) for pair in zip(area, map(_without, runs.values()), strict=True)])[
                ..., None
            ],
            np.array([_candidate_sides(next(iter(runs.values())))]),
        ),
        _precisions(list(runs.values())),
    )


def sides_of(one: CandidateScores) -> tuple[int, int]:
    """How many patients have a nodule, and how many there are."""
    found = one.detections()
    owners = np.asarray(one.patients)[found.nodule_scans]
    return len(set(owners.tolist())), len(set(one.patients))


def _candidate_sides(one: CandidateScores) -> tuple[int, int]:
    """How many patients have candidates that are nodules, and how many have candidates that are none."""
    owners, truth = np.asarray(one.candidate_patients()), one.truth()[:, 0]
    return len(set(owners[truth == 1].tolist())), len(set(owners[truth == 0].tolist()))


def _without(one: CandidateScores) -> Values:
    """AUROC without each patient, those without candidates included."""
    names = sorted(set(one.patients))
    places = {name: place for place, name in enumerate(names)}
    owners = np.array([places[name] for name in one.candidate_patients()], np.int64)
    return deleted_aurocs(one.probabilities, one.truth()[:, 0], owners, len(names))


def _precisions(runs: Sequence[CandidateScores]) -> SharedScores:
    """AUPRCs, with and without each patient, those without candidates included."""
    whole, values = [], []
    for one in runs:
        names = sorted(set(one.patients))
        places = {name: place for place, name in enumerate(names)}
        owners = np.array([places[name] for name in one.candidate_patients()], np.int64)
        weights = np.vstack([np.ones(len(names)), 1 - np.eye(len(names))])
        areas = weighted_precisions(one.probabilities, one.truth()[:, 0], owners, weights)
        whole.append(areas[:1])
        values.append(pseudo_values(areas[0], areas[1:])[:, None])
    return SharedScores(np.array(whole), np.array(values), np.array([_candidate_sides(runs[0])]))


def rows_of(runs: Mapping[int, CandidateScores], results: CandidateResults) -> list[Row]:
    """Means over seeds, with their intervals."""
    first = next(iter(runs.values()))
    patients, truth = len(set(first.patients)), first.truth()
    counts = {
        "scans": len(first.scans),
        "nodules": len(first.detections().nodule_scores),
        "candidates": len(first.rows),
    }
    sides = {"positives": int((truth == 1).sum()), "negatives": int((truth == 0).sum())}

    def row(label: str, metric: str, known: Estimate | None, counts: dict[str, int]) -> Row:
        return row_of((label, metric), known, results.seeds, patients, counts)

    return [
        row(LABEL, "cpm", results.sensitivities.mean().score(0), counts),
        row(LABEL, "auroc", results.auroc.score(0), sides),
        row(LABEL, "auprc", results.auprc.score(0), sides),
        *(
            row(f"at {point} FP a scan", "sensitivity", results.sensitivities.score(column), {})
            for column, point in enumerate(froc.RATES_IN_WORDS)
        ),
    ]


def compare_first(results: Mapping[str, CandidateResults], patients: int) -> list[Comparison]:
    """CPM and AUROC of the first arm and of each other, seed by seed."""
    first, *others = results
    found = []
    for other in others:
        for metric in ("cpm", "auroc"):
            ones, twos = (_compared(results[arm], metric) for arm in (first, other))
            if known := ones.difference(twos, 0):
                named = (LABEL, metric)
                found.append(comparison((first, other), named, known, results[first].seeds, patients))
    return found


def _compared(results: CandidateResults, metric: str) -> SharedScores:
    return results.sensitivities.mean() if metric == "cpm" else results.auroc


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
