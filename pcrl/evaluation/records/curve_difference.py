"""The difference of two arms at one fraction of the labels."""

from __future__ import annotations

from pcrl.evaluation.records.results import Comparison
from pcrl.files import Record


class CurveDifference(Record):
    """A comparison of the end point in one evaluation of a curve.

    Args:
        training_patients, validation_patients: whose labels were used; of evaluations of earlier versions, the second
            is not known.
        comparison: that of the evaluation, but that `p_holm` is corrected for all comparisons along the curve.
        folder: of the evaluation, relative to that of the curve's report, or absolute.
        transductive: pre-training saw test patients.
        virtual: test cases that are generated and of no patient.
    """

    task: str
    dataset: str
    fraction: float
    training_patients: int
    validation_patients: int | None = None
    labelled_patients: int | None = None
    comparison: Comparison
    folder: str
    transductive: bool = False
    virtual: int = 0
