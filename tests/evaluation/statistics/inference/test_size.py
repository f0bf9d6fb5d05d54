"""Nothing against itself: trainings from the same start, with other seeds, are rarely called different."""

import numpy as np

from pcrl.evaluation.statistics.inference.estimate import difference, median_difference


def two_arms_alike(rng, seeds, patients, of_seed):
    """Dice of two arms that differ by their seeds alone, (2, seeds, patients), with a few failures."""
    patient = rng.normal(size=(1, 1, patients))
    training = rng.normal(0, of_seed, (2, seeds, 1))
    quality = patient + training + rng.normal(0, 0.5, (2, seeds, patients))
    return np.where(quality < -2, 0.05, 0.8 + 0.05 * quality)


def test_scratch_against_scratch_is_not_significant():
    rng = np.random.default_rng(0)
    called = []
    for _ in range(300):
        one, other = two_arms_alike(rng, 3, 20, of_seed=1.0)
        found = difference((one - other).mean(axis=1), one - other)
        called.append((found.p < 0.05, median_difference(one - other).p < 0.05))
    # 0.05 of 300 by 0.05; three standard errors more is 0.088.
    assert (np.mean(called, axis=0) <= 0.088).all()


def test_over_patients_alone_it_would_often_be():
    """The same trainings, as if seeds were the same ones for ever."""
    rng = np.random.default_rng(0)
    called = []
    for _ in range(300):
        one, other = two_arms_alike(rng, 3, 20, of_seed=1.0)
        gaps = (one - other).mean(axis=0)
        called.append(abs(gaps.mean()) > 2.09 * gaps.std(ddof=1) / np.sqrt(20))
    assert np.mean(called) > 0.3


def test_a_real_difference_is_seen_with_few_seeds():
    rng = np.random.default_rng(1)
    called = []
    for _ in range(100):
        one, other = two_arms_alike(rng, 5, 20, of_seed=0.3)
        found = difference((one + 0.1 - other).mean(axis=1), one + 0.1 - other)
        called.append(found.p < 0.05)
    assert np.mean(called) > 0.7
