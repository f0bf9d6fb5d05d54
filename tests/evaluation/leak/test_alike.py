"""Copies are alike, people are not."""

import functools

import numpy as np
import pytest
from scipy import ndimage

from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.evaluation.leak.alike import alike, turned
from pcrl.evaluation.leak.near import FLOOR
from tests.evaluation.leak import bodies


def cut(*shares):
    """Without these shares, each of (before, after) along the axes."""

    def changed(scan):
        return scan[
            tuple(
                slice(round(a * n), n - round(b * n)) for n, (a, b) in zip(scan.shape, shares, strict=False)
            )
        ]

    return changed


COPIES = {
    "as it is": lambda scan: scan,
    "mirrored": lambda scan: scan[::-1],
    "turned by 90 degrees": lambda scan: np.swapaxes(scan, 0, 1)[::-1],
    "half resolution": lambda scan: ndimage.zoom(scan, 0.5, order=1, grid_mode=True, mode="nearest"),
    "stretched": lambda scan: ndimage.zoom(scan, (0.7, *[1.2] * (scan.ndim - 1)), order=1),
    "a slice less": cut((0, 0.03)),
    "cut on one side": cut((0.12, 0), (0, 0.1)),
    "cut all around": cut(*[(0.08, 0.08)] * 3),
    "padded": lambda scan: np.pad(scan, [(n // 8, n // 8) for n in scan.shape]),
    "turned by 8 degrees": lambda scan: ndimage.rotate(scan, 8, order=1, reshape=False),
    "8 bits": lambda scan: np.round(255 * scan),
    "negative": lambda scan: 1 - scan,
    "brighter": lambda scan: scan**0.6,
    "noise": lambda scan: scan + np.random.default_rng(1).normal(0, 0.03, scan.shape),
    "smoothed": lambda scan: ndimage.gaussian_filter(scan, 1),
}


@functools.cache
def people(dims):
    return [bodies.person(number, dims) for number in range(4)]


def shown(scans):
    return np.stack([thumbnail(scan) for scan in scans])


@pytest.mark.parametrize("dims", [2, 3])
def test_copies_are_alike(dims):
    one = people(dims)[0]
    changed = shown([change(one) for change in COPIES.values()])
    found = alike(changed, np.repeat(shown([one]), len(changed), 0))
    missed = {name: value for name, value in zip(COPIES, found.round(2), strict=True) if not value > FLOOR}
    assert not missed
    assert found[0] > 0.999


@pytest.mark.parametrize("dims", [2, 3])
def test_people_are_not(dims):
    every = shown(people(dims))
    pairs = [(a, b) for a in range(4) for b in range(a)]
    found = alike(every[[a for a, _ in pairs]], every[[b for _, b in pairs]])
    assert found.max() < FLOOR - 0.1


@pytest.mark.parametrize("dims", [2, 3])
def test_all_orientations_once(dims):
    picture = np.random.default_rng(0).integers(0, 256, (5,) * dims, np.uint8)
    ways = turned(picture)
    assert len({way.tobytes() for way in ways}) == len(ways) == {2: 8, 3: 48}[dims]
    np.testing.assert_array_equal(ways[0], picture)


def test_nothing_to_compare_and_nothing_to_see():
    assert alike(np.empty((0, 32, 32), np.uint8), np.empty((0, 32, 32), np.uint8)).shape == (0,)
    empty = np.zeros((1, 32, 32), np.uint8)
    assert alike(empty, shown([people(2)[0]]))[0] < 0.1
