"""A chest made ready, and what is painted into it."""

import numpy as np
import pytest

from pcrl.datasets.sample.radiographs.chest import prepare
from pcrl.datasets.sample.radiographs.painting import FINDINGS, paint
from tests.helpers import phantom


@pytest.fixture(scope="module")
def chest():
    return prepare(phantom.chest_ct(), phantom.SPACING)


def test_lungs_are_found_and_the_table_is_gone(chest):
    assert (chest.low, chest.high) == ((10, 10, 12), (49, 33, 57))
    assert chest.centre == (29.5, 21.5, 34.5)
    assert chest.right.any(axis=(0, 1)).nonzero()[0].tolist() == list(range(12, 30))
    assert chest.left.any(axis=(0, 1)).nonzero()[0].tolist() == list(range(40, 58))
    assert (chest.hu[:, 43:] == -1000).all()


def test_fine_scans_are_averaged():
    fine = phantom.chest_ct().repeat(2, axis=1).repeat(2, axis=2)
    chest = prepare(fine, (3.0, 1.5, 1.5))
    assert chest.hu.shape == (60, 50, 70)
    assert chest.spacing == (3.0, 3.0, 3.0)


@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("severity", [0.0, 1.0])
def test_a_finding_makes_lung_denser_and_nothing_else(chest, name, severity):
    before = chest.hu.copy()
    painted = paint(chest, {name: severity}, np.random.default_rng(1))
    np.testing.assert_array_equal(chest.hu, before)
    changed = painted != chest.hu
    assert changed.sum() > 50
    assert not changed[~(chest.right | chest.left)].any()
    assert (painted >= chest.hu).all()
    assert painted.dtype == np.float32


@pytest.mark.parametrize("name", ["effusion", "cardiomegaly", "edema", "atelectasis"])
def test_more_severe_is_more(chest, name):
    faint, severe = (
        paint(chest, {name: s}, np.random.default_rng(1)).sum(dtype=np.float64) for s in (0.1, 0.9)
    )
    assert severe > faint > chest.hu.sum(dtype=np.float64)


def test_nothing_painted_nothing_changed(chest):
    np.testing.assert_array_equal(paint(chest, {}, np.random.default_rng(1)), chest.hu)


def test_the_same_seed_the_same_picture(chest):
    everything = dict.fromkeys(FINDINGS, 0.5)
    first, again, other = (paint(chest, everything, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
