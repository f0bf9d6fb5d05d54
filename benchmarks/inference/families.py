"""Scores of two arms as they are drawn: patients, seeds, and what a seed makes of a patient.

A patient is easy or hard for both arms (standard deviation 1) and a little easier for one of them (0.5). A seed is
better or worse for all patients (`of_seed`), and each patient with each seed differs once more (0.5). Arms are alike,
or the second is better by `gain`. All arrays are (simulations, arms, seeds, patients).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Values = NDArray[np.float64]
Rng = np.random.Generator
DIAGONAL = 350.0
"""Of a scan in mm: HD95 of a failure."""
FAILING = 0.1
"""Share of the trained networks' predictions that fail."""
REST = 0.5


@dataclass(frozen=True, slots=True)
class Draw:
    """What one simulation is of: how many of each, how much seeds matter, and by how much the second arm is better."""

    simulations: int
    seeds: int
    patients: int
    of_seed: float
    gain: float


def quality(rng: Rng, draw: Draw, shared: Values | None = None) -> Values:
    """How good a prediction is, on a scale on which patients have a standard deviation of 1.

    Args:
        shared: how easy a patient is for both arms, (simulations, 1, 1, patients); none: it is drawn.
    """
    count, seeds, patients = draw.simulations, draw.seeds, draw.patients
    shared = rng.normal(size=(count, 1, 1, patients)) if shared is None else shared
    easy = shared + 0.5 * rng.normal(size=(count, 2, 1, patients))
    of_seed = draw.of_seed * rng.normal(size=(count, 2, seeds, 1))
    rest = REST * rng.normal(size=(count, 2, seeds, patients))
    better = np.array([0.0, draw.gain]).reshape(1, 2, 1, 1)
    return np.asarray(easy + of_seed + rest + better, np.float64)


def _failed(rng: Rng, z: Values, draw: Draw) -> NDArray[np.bool_]:
    """A tenth of the predictions, of the hard patients and the bad seeds more often."""
    spread = np.sqrt(1.25 + draw.of_seed**2 + REST**2)
    noise = rng.normal(size=z.shape)
    return np.asarray(z + noise < norm.ppf(FAILING) * np.sqrt(spread**2 + 1), np.bool_)


def dice_normal(rng: Rng, draw: Draw) -> Values:
    """Normal, 0.8 ± 0.05."""
    return 0.8 + 0.05 * quality(rng, draw)


def dice_skewed(rng: Rng, draw: Draw) -> Values:
    """0.93 less an exponential loss of the patient (skewness −2); seeds and the rest add to it."""
    z = quality(rng, Draw(draw.simulations, draw.seeds, draw.patients, draw.of_seed, draw.gain))
    own = z.mean(axis=(1, 2), keepdims=True)
    loss = -np.log(norm.sf(-own / own.std()))
    return np.asarray(0.93 - 0.05 * loss + 0.025 * (z - own), np.float64)


def dice_failures(rng: Rng, draw: Draw) -> Values:
    """Normal, but for a tenth that are 0."""
    z = quality(rng, draw)
    return np.where(_failed(rng, z, draw), 0.0, 0.85 + 0.04 * z)


def hd95_normal(rng: Rng, draw: Draw) -> Values:
    """Normal, 10 ± 3 mm."""
    return 10 - 3 * quality(rng, draw)


def hd95_skewed(rng: Rng, draw: Draw) -> Values:
    """Log-normal, 6 mm in the middle."""
    return np.asarray(6 * np.exp(-0.7 * quality(rng, draw)), np.float64)


def hd95_failures(rng: Rng, draw: Draw) -> Values:
    """Log-normal, but for a tenth that are the diagonal of the scan."""
    z = quality(rng, draw)
    diagonal = DIAGONAL + 40 * rng.normal(size=(draw.simulations, 1, 1, draw.patients))
    return np.where(_failed(rng, z, draw), diagonal, 6 * np.exp(-0.7 * z))


def findings(draw: Draw, share: float) -> NDArray[np.bool_]:
    """Which patients have the finding, (patients,): the same number in every simulation."""
    return np.arange(draw.patients) < round(share * draw.patients)


def logits(rng: Rng, draw: Draw, positive: NDArray[np.bool_], apart: float) -> Values:
    """Of a classifier: normal on both sides, `apart` standard deviations of a patient; seeds are better or worse."""
    count, seeds, patients = draw.simulations, draw.seeds, draw.patients
    better = np.array([0.0, draw.gain]).reshape(1, 2, 1, 1)
    distance = apart + better + draw.of_seed * rng.normal(size=(count, 2, seeds, 1))
    own = 0.8 * rng.normal(size=(count, 1, 1, patients)) + 0.4 * rng.normal(size=(count, 2, 1, patients))
    return np.asarray(positive * distance + own + REST * rng.normal(size=(count, 2, seeds, patients)))


def brier(rng: Rng, draw: Draw) -> Values:
    """Squared errors of probabilities, one image a patient, a quarter with the finding."""
    positive = findings(draw, 0.25)
    probabilities = norm.cdf(logits(rng, draw, positive, 1.5) - 1.0)
    return np.asarray((probabilities - positive) ** 2, np.float64)


Family = Callable[[Rng, Draw], Values]
MEANS: dict[str, Family] = {
    "Dice, normal": dice_normal,
    "Dice, skewed": dice_skewed,
    "Dice, failures": dice_failures,
    "Brier score": brier,
}
MEDIANS: dict[str, Family] = {
    "HD95, normal": hd95_normal,
    "HD95, skewed": hd95_skewed,
    "HD95, failures": hd95_failures,
}
AUROCS = {
    "AUROC 0.8, half positive": (0.5, 1.3),
    "AUROC 0.8, a quarter positive": (0.25, 1.3),
    "AUROC 0.95, half positive": (0.5, 2.4),
}
"""Share of positives, and how far apart both sides are."""
