"""Hall's transformation: the identity without skewness, its own inverse, and longer to where the tail is."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.inference.crossed import MeanSquares
from pcrl.evaluation.statistics.inference.skewness import skewed_widths


def test_of_symmetric_values_it_is_students_t():
    values = np.concatenate([np.arange(1, 11), -np.arange(1, 11)])[None] / 10
    down, up = skewed_widths(values)
    assert down == pytest.approx(up)
    assert down == pytest.approx(float(MeanSquares.of(values).half_width()))


def test_the_ends_solve_halls_equation():
    values = np.random.default_rng(0).exponential(size=(1, 25))
    down, up = skewed_widths(values)
    count, scale = 25, values.std(ddof=1)
    deviations = values[0] - values.mean()
    skewness = (deviations**3).sum() * count / ((count - 1) * (count - 2)) / scale**3
    quantile = float(MeanSquares.of(values).of_patients(0.05)) / scale
    for w, expected in ((down / scale, quantile), (-up / scale, -quantile)):
        transformed = w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / (6 * count)
        assert transformed == pytest.approx(expected)


def test_the_interval_reaches_to_where_failures_are():
    dice = np.r_[np.full(18, 0.9), 0.0, 0.05][None] + np.linspace(0, 0.02, 20)
    down, up = skewed_widths(dice)
    assert down > 1.5 * up
    assert skewed_widths(-dice)[::-1] == (pytest.approx(float(down)), pytest.approx(float(up)))


def test_seeds_widen_both_ends():
    rng = np.random.default_rng(0)
    alike = rng.exponential(size=(1, 30)) + np.zeros((3, 1))
    apart = alike + np.array([[-0.5], [0.0], [0.5]])
    assert (np.array(skewed_widths(apart)) > np.array(skewed_widths(alike))).all()
