"""The window of an MR holds all of the body: dark tissue, and what it encloses."""

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from pcrl.engine.volumes.body import background_limit, window_of

SHAPE = (40, 60, 60)
KEPT = (0.5, 99.5)


def distance():
    grid = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    return np.linalg.norm(np.stack(grid), axis=0)


def rayleigh(scale):
    return np.random.default_rng(0).rayleigh(scale, SHAPE).astype(np.float32)


def head(background):
    """Bright scalp, a dark ring and dark middle as those of fluid in T1, brain between them."""
    far, noise = distance(), np.random.default_rng(1).normal(0, 12, SHAPE)
    values = np.select([far < 0.2, far < 0.7, far < 0.8, far < 0.9], [90.0, 500, 60, 1500]) + noise
    return np.where(far < 0.9, np.clip(values, 20, None), background).astype(np.float32), far < 0.9


def breast():
    """Faint glandular tissue in most of a body, and a little very bright fat."""
    far = distance()
    return np.where(far < 0.9, 60 + rayleigh(8), rayleigh(4)) + 2000 * (far < 0.25), far < 0.9


@pytest.mark.parametrize("name", ["zeros", "noise", "breast", "offset"])
def test_at_most_one_in_a_hundred_voxels_of_a_body_is_darker_than_its_window(name):
    values, body = {
        "zeros": lambda: head(0),
        "noise": lambda: head(rayleigh(5)),
        "breast": breast,
        "offset": lambda: (head(rayleigh(5))[0] - 1024, head(0)[1]),
    }[name]()
    window = window_of(values, KEPT)
    assert np.mean(values[body] < window.low) <= 0.01
    assert np.mean(values[body] > window.high) <= 0.01
    # What was called foreground is what it does not depend on any more.
    assert np.mean(values[body] < threshold_otsu(values)) > 0.2
    assert not window.notes


def test_empty_space_stays_out_of_the_percentiles():
    values, body = head(rayleigh(5))
    assert window_of(values, KEPT).high == pytest.approx(np.percentile(values[body], 99.5), rel=0.05)


def test_without_empty_space_everything_is_the_body():
    values = np.random.default_rng(0).choice([200.0, 700.0], SHAPE).astype(np.float32)
    values[:, :, :20] = 120
    values += rayleigh(10)
    assert background_limit(values) == values.min()
    assert np.mean(values < window_of(values, KEPT).low) <= 0.006


def test_noise_and_padding_are_empty_space():
    values, body = head(rayleigh(5))
    limit = background_limit(values)
    assert np.mean(values[~body] > limit) < 0.01
    values[~body] = -7
    assert background_limit(values) == -7


def test_a_narrow_window_is_said():
    values, _ = head(0)
    assert "data.percentiles" in window_of(values, (20, 99.5)).notes[0]
