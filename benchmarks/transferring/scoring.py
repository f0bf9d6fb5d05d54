"""Dice of organs in patients, from fine-tuned networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from pcrl.evaluation.volumes import Volume, classes_of
from pcrl.models.unet3d import UNet3D
from transferring.tuning import predict

Scores = dict[str, dict[str, float | None]]
"""Patient → organ → Dice; none where the patient does not have the organ."""


def score(
    model: UNet3D,
    test: Sequence[Volume],
    organs: Mapping[str, tuple[int, ...]],
    device: torch.device,
) -> Scores:
    """Dice on the grid on which the labels were drawn.

    Args:
        organs: name → label values; class k + 1 of the network is the k-th.
    """
    found: Scores = {}
    for volume in test:
        predicted = predict(model, volume, device)
        truth = classes_of(volume.case.label(original=True).read(), tuple(organs.values()))
        found[volume.case.patient] = {
            name: dice(predicted == number, truth == number) for number, name in enumerate(organs, 1)
        }
    return found


def dice(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    """None if there is nothing to find."""
    if not truth.any():
        return None
    return float(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))


def patient_means(scores: Scores) -> np.ndarray:
    """Mean over the organs that a patient has, (patients,), in the order of their names."""
    return np.array(
        [np.mean([value for value in scores[name].values() if value is not None]) for name in sorted(scores)]
    )
