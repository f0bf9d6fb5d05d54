"""What a curve over label fractions is drawn from: the end point of one arm of one evaluation."""

from __future__ import annotations

from pydantic import Field

from pcrl.evaluation.records.results import Interval
from pcrl.files import Record


class CurvePoint(Record):
    """One arm of one evaluation at one fraction of the labels.

    Args:
        metric: its key, as in the rows of the evaluation.
        value: mean over seeds; none where it is not defined.
        training_patients, validation_patients: whose labels were used; of evaluations of earlier versions, the second
            is not known.
        by_seed: score of each seed.
        interval: 95 %, over patients and seeds; with one seed over patients alone.
        patients: test patients.
        counts: what stands behind the value, as in the rows of the evaluation.
        folder: of the evaluation, relative to that of the curve's report, or absolute; `report.html` is in it.
        transductive: pre-training saw test patients.
        virtual: test cases that are generated and of no patient.
    """

    task: str
    dataset: str
    arm: str
    fraction: float
    training_patients: int
    validation_patients: int | None = None
    labelled_patients: int | None = None
    seeds: int
    metric: str
    label: str
    value: float | None
    by_seed: dict[int, float | None] = Field(default_factory=dict)
    interval: Interval | None
    patients: int
    folder: str
    transductive: bool = False
    virtual: int = 0
    counts: dict[str, int] = Field(default_factory=dict)
