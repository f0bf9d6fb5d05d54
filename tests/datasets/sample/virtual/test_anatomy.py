"""Virtual anatomies: the same from the same seed, six organs, and density that does not tell which."""

import hashlib

import numpy as np
import pytest

from pcrl.datasets.sample.virtual import anatomy as anatomy
from pcrl.datasets.sample.virtual.anatomy import ORGANS, SHAPE, virtual_anatomy
from pcrl.datasets.sample.virtual.shapes import branches, curve, space_of

pytestmark = pytest.mark.slow

SEEDS = range(900, 924)


@pytest.fixture(scope="module")
def patients():
    return [virtual_anatomy(seed) for seed in SEEDS]


def test_the_same_from_the_same_seed_and_another_from_another(patients):
    digests = [hashlib.sha256(ct.tobytes() + label.tobytes()).hexdigest() for ct, label in patients]
    ct, label = virtual_anatomy(SEEDS[0])
    assert hashlib.sha256(ct.tobytes() + label.tobytes()).hexdigest() == digests[0]
    assert len(set(digests)) == len(digests)


def test_every_organ_is_there_in_a_believable_size(patients):
    millilitres = {"liver": (400, 1700), "spleen": (25, 450), "kidneys": (60, 450), "stomach": (25, 600),
                   "bowel": (80, 900), "vessels": (40, 250)}  # fmt: skip
    for number, name in enumerate(ORGANS, 1):
        volumes = [(label == number).sum() * 0.064 for _, label in patients]
        present = [volume for volume in volumes if volume]
        assert len(present) >= 0.7 * len(patients), name
        low, high = millilitres[name]
        assert low < np.median(present) < high, name
    for ct, label in patients:
        assert ct.shape == label.shape == SHAPE
        assert (ct.dtype, label.dtype) == (np.int16, np.uint8)
        assert set(np.unique(label)) <= set(range(len(ORGANS) + 1))


def test_anatomy_varies(patients):
    liver = [np.argwhere(label == 1).mean(axis=0)[2] < SHAPE[2] / 2 for _, label in patients]
    assert 0.6 < np.mean(liver) < 1  # the right is at low x, but for those whose sides are exchanged
    for organ in (2, 3):
        halves = [(label == organ).sum() for _, label in patients]
        assert np.std(halves) > 0.15 * np.mean(halves)


def test_missing_organs(monkeypatch):
    monkeypatch.setattr(anatomy, "NO_SPLEEN", 1.0)
    monkeypatch.setattr(anatomy, "NO_KIDNEY", 1.0)
    _, label = virtual_anatomy(1)
    assert set(np.unique(label)) == {0, 1, 4, 5, 6}


def test_density_does_not_tell_organs_apart(patients):
    """The best rule that knows a voxel's smoothed density alone is little better than guessing the commonest organ."""
    values = np.concatenate([ct[label > 0] for ct, label in patients])
    organs = np.concatenate([label[label > 0] for _, label in patients])
    bins = np.clip((values + 100) // 10, 0, 40)
    counts = np.stack([np.bincount(bins[organs == n], minlength=41) for n in range(1, 7)]).astype(float)
    counts /= counts.sum(axis=1, keepdims=True)  # every organ equally common
    balanced = counts.max(axis=0).sum() / len(counts)
    assert 1 / 6 < balanced < 0.36


def test_shapes():
    rng = np.random.default_rng(0)
    line = curve([(0, 0, 0), (0, 0, 10), (0, 5, 10)], 1)
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() <= 1
    points, radii = branches((0, 0, 0), (1, 0, 0), 20, 4, 3, rng)
    assert len(points) == len(radii)
    assert len(np.unique(radii)) == 4
    space = space_of((20, 20, 20), 4.0, False, rng)
    along = np.array([[0.0, 0.0, x] for x in np.arange(-40, 40, 2.0)])
    tube = space.tube(along, np.full(len(along), 8.0))
    assert (tube < 1).sum() == pytest.approx(np.pi * 2**2 * 20, rel=0.3)
    assert np.isinf(space.tube(along + 1000, np.full(len(along), 8.0))).all()
    ball = space.ellipsoid((0, 0, 0), (20, 20, 20), wobble=0)
    assert (ball < 1).sum() == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.6)
