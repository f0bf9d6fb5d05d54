"""Dice, HD95 and NSD against numbers worked out by hand, SciPy's distance transform and `surface-distance`."""

import numpy as np
import pytest
from scipy import ndimage

from pcrl.evaluation.statistics.masks.overlap import Rules, compare, diagonal, dice
from pcrl.evaluation.statistics.masks.surfaces import hd95, nsd

BRATS = Rules(tolerance=5.0, missing_distance=373.13, absent_is_right=True)


def boxes(shift, shape=(20, 24, 28)):
    truth = np.zeros(shape, bool)
    truth[5:11, 6:12, 7:13] = True
    return np.roll(truth, shift, axis=(0, 1, 2)), truth


def test_dice_of_two_boxes_by_hand():
    prediction, truth = boxes((2, 0, 0))
    found = compare(prediction, truth, (1.0, 1.0, 1.0))
    assert (found.common, found.total) == (4 * 36, 2 * 216)
    assert found.dice == pytest.approx(2 * 144 / 432)


@pytest.mark.parametrize(("shift", "expected"), [((2, 0, 0), 6.0), ((0, 3, 0), 3.0), ((0, 0, 2), 1.0)])
def test_hausdorff_of_a_shifted_box_is_the_shift_in_mm(shift, expected):
    # The face that moved is more than a twentieth of the surface.
    assert compare(*boxes(shift), (3.0, 1.0, 0.5)).hd95 == pytest.approx(expected, abs=1e-5)


def surface(mask):
    return mask & ~ndimage.binary_erosion(mask)


def test_hausdorff_agrees_with_distance_transforms():
    spacing = (2.5, 0.7, 0.8)
    rng = np.random.default_rng(0)
    blobs = [ndimage.gaussian_filter(rng.normal(size=(24, 30, 28)), 3) > 0.02 for _ in range(2)]
    ours = compare(*blobs, spacing).hd95
    directed = []
    for one, other in (blobs, blobs[::-1]):
        distance = ndimage.distance_transform_edt(~surface(other), sampling=spacing)
        directed.append(np.percentile(distance[surface(one)], 95))
    assert ours == pytest.approx(max(directed), rel=1e-5)


def test_the_border_of_the_box_changes_nothing():
    prediction, truth = boxes((0, 2, 1))
    grown = [np.pad(mask, ((0, 30), (9, 0), (4, 17))) for mask in (prediction, truth)]
    assert compare(*grown, (2.0, 1.0, 1.0)) == compare(prediction, truth, (2.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("spacing", "shift", "expected"),
    [
        ((1.0, 1.0, 1.0), (2, 0, 0), (0.547604, 0.747587, 1.0)),
        ((1.0, 1.0, 1.0), (1, 2, 3), (0.119085, 0.412863, 0.930842)),
        ((3.0, 1.0, 0.5), (2, 0, 0), (0.710298, 0.728307, 0.888016)),
        ((3.0, 1.0, 0.5), (1, 2, 3), (0.180304, 0.33075, 0.932675)),
        ((5.0, 0.7, 0.7), (2, 0, 0), (0.715347, 0.731038, 0.739864)),
        ((5.0, 0.7, 0.7), (0, 3, 0), (0.37188, 0.53593, 1.0)),
    ],
)
def test_nsd_is_that_of_surface_distance_by_area_on_any_spacing(spacing, shift, expected):
    """The numbers are those of `compute_surface_dice_at_tolerance` of surface-distance 0.1, at 0.5, 1 and 3 mm."""
    found = [nsd(*boxes(shift), spacing, tolerance) for tolerance in (0.5, 1.0, 3.0)]
    assert found == pytest.approx(expected, abs=2e-5)


def test_what_lies_apart_by_just_the_tolerance_agrees_whatever_rounding_says():
    prediction, truth = boxes((0, 10, 0), (20, 40, 28))
    assert nsd(prediction, truth, (1.0, 0.7, 0.7), 7.0) == pytest.approx(1.0)
    assert nsd(prediction, truth, (1.0, 0.7, 0.7), 6.9) < 1.0


def test_hd95_is_the_larger_of_two_directed_percentiles():
    """A truth of two parts, of which one is found: what is found lies well, what is missed lies far."""
    truth = np.zeros((8, 40, 8), bool)
    truth[2:6, 2:6, 2:6] = truth[2:6, 30:34, 2:6] = True
    prediction = truth.copy()
    prediction[:, 20:] = False
    far = hd95(prediction, truth, (1.0, 1.0, 1.0))
    assert far == hd95(truth, prediction, (1.0, 1.0, 1.0)) > 24


def test_a_mask_that_fills_its_volume_has_a_surface_at_the_border():
    full = np.ones((4, 5, 6), bool)
    short = full.copy()
    short[3] = False
    assert hd95(short, full, (3.0, 1.0, 1.0)) == pytest.approx(3.0)
    # Of surface-distance 0.1, at 1 mm on this grid.
    assert nsd(short, full, (1.0, 1.0, 1.0), 0.5) == pytest.approx(0.7753, abs=1e-4)


def test_of_nothing_and_nothing_nothing_is_defined():
    """A label that nobody has said nothing about a network; it is not found perfectly."""
    nothing = np.zeros((4, 4, 4), bool)
    both = compare(nothing, nothing, (1.0, 1.0, 1.0))
    assert (both.dice, both.hd95, both.nsd) == (None, None, None)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.7, 0.9)])
def test_predicting_nothing_is_as_far_off_as_the_scan_is_large(spacing):
    nothing, truth = np.zeros((6, 4, 10), bool), np.zeros((6, 4, 10), bool)
    truth[2:4, 1:3, 2:5] = True
    worst = np.linalg.norm(np.multiply((6, 4, 10), spacing))
    assert diagonal((6, 4, 10), spacing) == pytest.approx(worst)
    for pair in ((nothing, truth), (truth, nothing)):
        found = compare(*pair, spacing)
        assert (found.dice, found.nsd, found.hd95) == (0.0, 0.0, pytest.approx(worst))
    corner = np.zeros((6, 4, 10), bool)
    corner[0, 0, 0] = True
    assert compare(corner, truth, spacing).hd95 < worst


def test_brats_keeps_the_rule_of_its_challenge():
    nothing, truth = np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool)
    for pair in ((nothing, truth), (truth, nothing)):
        found = compare(*pair, (1.0, 1.0, 1.0), BRATS)
        assert (found.dice, found.hd95, found.nsd) == (0.0, 373.13, 0.0)
    both = compare(nothing, nothing, (1.0, 1.0, 1.0), BRATS)
    assert (both.dice, both.hd95, both.nsd) == (1.0, 0.0, 1.0)
    assert diagonal((155, 240, 240), (1.0, 1.0, 1.0)) == pytest.approx(373.13, abs=0.005)


@pytest.mark.parametrize("rules", [Rules(), BRATS])
def test_dice_alone_is_that_of_the_comparison(rules):
    nothing = np.zeros((20, 24, 28), bool)
    for pair in (boxes((2, 0, 0)), boxes((9, 9, 9)), (nothing, boxes((0, 0, 0))[1]), (nothing, nothing)):
        assert dice(*pair, rules) == compare(*pair, (1.0, 1.0, 1.0), rules).dice
