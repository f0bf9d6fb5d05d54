"""What a curve over label fractions is drawn from: the end point of one arm of one evaluation."""

from __future__ import annotations

from pcrl.evaluation.records.results import Interval
from pcrl.files import Record


class CurvePoint(Record):
    """One arm of one evaluation at one fraction of the labels.

    Args:
        metric: its key, as in the rows of the evaluation.
        value: mean over seeds; none where it is not defined.
        interval: 95 %, bootstrap over test patients; none with fewer than ten.
        training_patients, validation_patients: whose labels were used; of evaluations of earlier versions, the second
            is not known.
        patients: test patients.
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
    interval: Interval | None
    patients: int
    folder: str
    transductive: bool = False
    virtual: int = 0
