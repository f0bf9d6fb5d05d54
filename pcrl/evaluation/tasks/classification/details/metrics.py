"""What is reported of probabilities, and how each is defined."""

from __future__ import annotations

from pcrl.evaluation.records.results import Metric

_CHOSEN = (
    "at the threshold with the highest sum of sensitivity and specificity on validation images, per image"
)
METRICS = (
    Metric(
        name="auprc", title="AUPRC per image", within=(0, 1),
        definition="Average precision; guessing comes to the share of positives.",
    ),
    Metric(name="auprc_study", title="AUPRC per study", within=(0, 1), definition="The same of studies."),
    Metric(
        name="sensitivity", title="Sensitivity", within=(0, 1), detail=True,
        definition=f"Share of positives that are called positive {_CHOSEN}.",
    ),
    Metric(
        name="specificity", title="Specificity", within=(0, 1), detail=True,
        definition=f"Share of negatives that are called negative {_CHOSEN}.",
    ),
    Metric(
        name="brier", title="Brier score", better="lower", within=(0, 1), detail=True,
        definition="Mean squared difference of probability and truth.",
    ),
    Metric(
        name="calibration", title="Calibration error", better="lower", within=(0, 1), detail=True,
        definition="Expected calibration error in ten bins of equally many images.",
    ),
    Metric(
        name="calibration_by_chance", title="Calibration error by chance", better="neither", within=(0, 1), detail=True,
        definition="The calibration error that a perfectly calibrated classifier with the same probabilities has on so "
        "many images: errors about as large say nothing against a classifier.",
    ),
    Metric(
        name="calibration_intercept", title="Calibration intercept", better="nearer", ideal=0.0, detail=True,
        definition="By how much, in logits, all probabilities would have to rise (calibration in the large).",
    ),
    Metric(
        name="calibration_slope", title="Calibration slope", better="nearer", ideal=1.0, detail=True,
        definition="Of a logistic regression of the truth on the logits: below 1 probabilities are too extreme.",
    ),
)  # fmt: skip
