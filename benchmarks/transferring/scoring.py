"""Dice of organs in patients, from fine-tuned networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pcrl.evaluation.statistics.masks.overlap import Rules, dice
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.models.volumes.unet import UNet3D
from transferring.tuning import Volume, predict

Scores = dict[str, dict[str, float | None]]
"""Patient → organ → Dice; none where the patient does not have the organ."""


def score(model: UNet3D, test: Sequence[Volume], target: Target, device: torch.device) -> Scores:
    """Dice on the grid on which the labels were drawn."""
    found: Scores = {}
    for volume in test:
        masks = predict(model, volume, target, device)
        truth = volume.case.label(original=True).read()
        mine: dict[str, float | None] = {}
        for region, (name, mask) in enumerate(zip(target.names, masks, strict=True)):
            true = target.mask(truth, region)
            mine[name] = dice(mask, true, Rules()) if true.any() else None
        found[volume.case.patient] = mine
    return found


def patient_means(scores: Scores) -> np.ndarray:
    """Mean over the organs that a patient has, (patients,), in the order of their names."""
    return np.array(
        [np.mean([value for value in scores[name].values() if value is not None]) for name in sorted(scores)]
    )
