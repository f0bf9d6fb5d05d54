"""What else could be done, and how often it would call two equal arms different."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from inference.families import Draw, Rng, Values, dice_normal
from pcrl.evaluation.statistics.inference.crossed import MeanSquares

RESAMPLES = 500


def ours(gaps: Values, _: Rng) -> Values:
    """Each part with its own t."""
    return np.abs(gaps.mean(axis=(1, 2))) > MeanSquares.of(gaps).half_width()


def patients_alone(gaps: Values, _: Rng) -> Values:
    """Student's t of the patients' differences, averaged over seeds."""
    return np.abs(gaps.mean(axis=(1, 2))) > MeanSquares.of(gaps).of_patients(0.05)


def satterthwaite(gaps: Values, _: Rng) -> Values:
    """One t for the sum of the parts, with Satterthwaite's degrees of freedom."""
    found = MeanSquares.of(gaps)
    seeds, patients = found.seed_count, found.patient_count
    variance = np.maximum(found.patients + found.seeds - found.rest, np.maximum(found.patients, found.seeds))
    parts = (
        found.patients**2 / (patients - 1)
        + found.seeds**2 / (seeds - 1)
        + found.rest**2 / ((patients - 1) * (seeds - 1))
    )
    quantile = -stdtrit(np.maximum(variance**2 / parts, 1), 0.025)
    return np.abs(gaps.mean(axis=(1, 2))) > quantile * np.sqrt(variance / (seeds * patients))


def two_way_bootstrap(gaps: Values, rng: Rng) -> Values:
    """Percentiles of means over patients and seeds that are both drawn with replacement."""
    count, seeds, patients = gaps.shape
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), (count, RESAMPLES)) / seeds
    of_patients = rng.multinomial(patients, np.full(patients, 1 / patients), (count, RESAMPLES)) / patients
    means = np.einsum("nrs,nsp,nrp->nr", of_seeds, gaps, of_patients, optimize=True)
    low, high = np.percentile(means, (2.5, 97.5), axis=1)
    return (low > 0) | (high < 0)


METHODS: dict[str, Callable[[Values, Rng], Values]] = {
    "t over patients, seeds averaged": patients_alone,
    "two-way bootstrap": two_way_bootstrap,
    "Satterthwaite's t": satterthwaite,
    "a t for each part (used)": ours,
}


def size(name: str, draw: Draw, rng: Rng) -> float:
    """Share of equal arms that are called different, of normal Dice."""
    drawn = dice_normal(rng, draw)
    return float(np.mean(METHODS[name](drawn[:, 0] - drawn[:, 1], rng)))
