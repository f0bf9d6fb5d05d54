"""Dice and HD95 against numbers worked out by hand and against SciPy's distance transform."""

import numpy as np
import pytest
from scipy import ndimage

from pcrl.evaluation.statistics.overlap import compare, dice, global_dice


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


def test_empty_masks():
    nothing, truth = np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool)
    both = compare(nothing, nothing, (1.0, 1.0, 1.0))
    assert (both.dice, both.hd95) == (1.0, 0.0)
    one = compare(nothing, truth, (1.0, 1.0, 1.0))
    assert (one.dice, one.hd95) == (0.0, None)
    assert all_voxels(both) == 1.0


def test_a_region_that_is_empty_on_one_side_has_the_distance_that_is_said():
    nothing, truth = np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool)
    for pair in ((nothing, truth), (truth, nothing)):
        assert compare(*pair, (1.0, 1.0, 1.0), 373.13).hd95 == 373.13
    # Nothing where there is nothing is right; what has a distance keeps it.
    assert compare(nothing, nothing, (1.0, 1.0, 1.0), 373.13).hd95 == 0.0
    assert compare(*boxes((2, 0, 0)), (3.0, 1.0, 0.5), 373.13) == compare(*boxes((2, 0, 0)), (3.0, 1.0, 0.5))


def test_dice_alone_is_that_of_the_comparison():
    nothing = np.zeros((20, 24, 28), bool)
    for pair in (boxes((2, 0, 0)), boxes((9, 9, 9)), (nothing, boxes((0, 0, 0))[1]), (nothing, nothing)):
        assert dice(*pair) == compare(*pair, (1.0, 1.0, 1.0)).dice


def all_voxels(*overlaps):
    return global_dice(*(np.array([getattr(one, key) for one in overlaps]) for key in ("common", "total")))


def test_global_dice_weighs_voxels_not_cases():
    small, large = compare(*boxes((6, 0, 0)), (1.0,) * 3), compare(*boxes((0, 0, 0)), (1.0,) * 3)
    assert (small.dice, large.dice) == (0.0, 1.0)
    assert all_voxels(small, large) == pytest.approx(0.5)
    assert all_voxels(small, large, large) == pytest.approx(2 / 3)
