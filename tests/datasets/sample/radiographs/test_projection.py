"""Projections: which way up, what is white, what a pose does."""

import numpy as np
import pytest

from pcrl.datasets.sample.radiographs.projection import Pose, radiograph
from tests.helpers import phantom

SHAPE = (41, 51, 61)
CENTRE = (20.0, 25.0, 30.0)


def shoot(ct, pose=None, view="frontal", columns=61):
    return radiograph(ct, (2.0, 2.0, 2.0), CENTRE, pose or Pose(), view, (41, columns), (82.0, 2.0 * columns))


def ball(at):
    grid = np.ogrid[tuple(slice(size) for size in SHAPE)]
    inside = sum((axis - c) ** 2 for axis, c in zip(grid, at, strict=True)) < 9
    return np.where(inside, 500, -1000).astype(np.float32)


def brightest(image):
    return np.round(np.argwhere(image > image.max() / 2).mean(axis=0)).astype(int).tolist()


def test_head_up_and_the_left_on_the_right():
    assert brightest(shoot(ball((30, 25, 45)))) == [10, 45]


def test_lateral_has_the_front_on_the_left():
    assert brightest(shoot(ball((30, 10, 30)), view="lateral", columns=51)) == [10, 10]


def test_bones_are_white_and_lungs_dark():
    ct = phantom.chest_ct()
    image = radiograph(ct, phantom.SPACING, (30.0, 25.0, 35.0), Pose(), "frontal", (60, 70), (180.0, 210.0))
    assert image.dtype == np.uint8
    assert image[30, 35] > image[30, 8] > image[30, 20] > image[30, 0]
    assert image[30, 35] == 255


def test_shift_scale_and_rotation():
    middle = ball((20, 25, 30))
    assert brightest(shoot(middle, Pose(shift=(10, 0, 6)))) == [15, 33]
    assert (shoot(middle, Pose(scale=(2, 2, 2))) > 128).sum() > 2 * (shoot(middle) > 128).sum()
    aside = ball((20, 25, 45))
    row, column = brightest(shoot(aside, Pose(angles=(0, 90, 0))))
    assert column == 30
    assert abs(row - 20) == 15


@pytest.mark.parametrize("view", ["frontal", "lateral"])
def test_even_density_gives_an_even_image(view):
    assert np.ptp(shoot(np.zeros(SHAPE, np.float32), view=view)) <= 1
