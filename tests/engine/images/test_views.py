"""Plans of images: distributions, bounds, and that they depend on nothing but their key."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.config import load_recipe
from pcrl.engine.images.views import crop_of, draw_settings, empty_plan, plan_views
from pcrl.kernels.images.draw import ANGLE, BRIGHTNESS, CONTRAST, CONTRAST_FIRST, FLIP, NUMBERS, SIGMA
from pcrl.kernels.streams import sample_key

RECIPE = load_recipe("pcrlv2-2d")
VIEWS, CORRUPTION = RECIPE.views, RECIPE.corruption


def draw(n, size=(256, 300), corruption=CORRUPTION):
    plan = empty_plan(VIEWS, corruption)
    plan_views(sample_key(0, 0, n), size, draw_settings(VIEWS, corruption), plan)
    return plan


def test_a_plan_is_a_function_of_its_key():
    one, two = draw(7), draw(7)
    for name in ("boxes", "numbers", "holes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert len({tuple(draw(n).boxes[0]) for n in range(50)}) > 45
    other = load_recipe("pcrlv2-2d", ["corruption.blur_probability=1.0", "corruption.holes=1"]).corruption
    changed = draw(7, corruption=other)
    np.testing.assert_array_equal(changed.boxes, one.boxes)
    kept = [ANGLE, FLIP, BRIGHTNESS, CONTRAST, CONTRAST_FIRST]
    np.testing.assert_array_equal(changed.numbers[:, kept], one.numbers[:, kept])
    assert (changed.numbers[:, SIGMA] > 0).all()


def test_views_are_as_published():
    drawn = [draw(n) for n in range(400)]
    assert drawn[0].boxes.shape == (8, 4)
    boxes, numbers = np.array([p.boxes for p in drawn]), np.array([p.numbers for p in drawn])
    area = boxes[..., 2] * boxes[..., 3] / (256 * 300)
    for views, low, high in ((area[:, :2], 0.3, 1.0), (area[:, 2:], 0.05, 0.3)):
        assert low * 0.95 < views.min() < low * 1.1
        assert high * 0.9 < views.max() <= high * 1.03
    aspect = boxes[:, 2:, 3] / boxes[:, 2:, 2]
    assert 0.73 < aspect.min() < 0.78
    assert 1.28 < aspect.max() < 1.36
    assert abs(np.log(aspect).mean()) < 0.02
    angles = np.degrees(numbers[..., ANGLE])
    assert -10 <= angles.min() < -9.9
    assert 9.9 < angles.max() <= 10
    sigma = numbers[..., SIGMA]
    assert 0.1 <= sigma[sigma > 0].min() < 0.12
    assert 1.95 < sigma.max() <= 2
    for share in (numbers[..., FLIP], sigma > 0, numbers[..., CONTRAST_FIRST]):
        assert 0.46 < share.mean() < 0.54
    for column in (BRIGHTNESS, CONTRAST):
        assert 0.6 <= numbers[..., column].min() < 0.61
        assert 1.39 < numbers[..., column].max() <= 1.4
    # No two draws go together.
    correlations = np.corrcoef(numbers.reshape(-1, NUMBERS).T)
    assert np.abs(correlations - np.eye(NUMBERS)).max() < 0.07


def test_holes_are_clipped_squares_with_centres_anywhere():
    holes = np.array([draw(n).holes for n in range(300)]).reshape(-1, 4)
    assert holes.min() == 0
    assert holes.max() == 224
    heights, widths = holes[:, 2] - holes[:, 0], holes[:, 3] - holes[:, 1]
    assert heights.max() == widths.max() == 32
    assert 16 <= heights.min() < 20
    # Of 224 rows of centres, those whose square is not clipped at all.
    assert np.mean(heights == 32) == pytest.approx(193 / 224, abs=0.04)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 10_000))
def test_boxes_lie_in_the_image_whatever_its_shape(height, width, seed):
    for area in (VIEWS.global_area, VIEWS.local_area):
        y, x, h, w = crop_of(seed, (height, width), area, VIEWS.aspect)
        assert 0 <= y <= height - h
        assert 0 <= x <= width - w
        assert min(h, w) >= 1


def torchvision_params(rng, size, scale, ratio):
    """RandomResizedCrop.get_params of torchvision, in NumPy."""
    height, width = size
    for _ in range(10):
        target = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1)), h, w
    return None


def test_crops_are_distributed_as_torchvisions():
    rng = np.random.default_rng(0)
    size = (256, 320)
    theirs = np.array(
        [torchvision_params(rng, size, (0.3, 1.0), (3 / 4, 4 / 3)) or (0, 0, 0, 0) for _ in range(4000)]
    )
    ours = np.array([crop_of(sample_key(1, 0, n), size, (0.3, 1.0), (3 / 4, 4 / 3)) for n in range(4000)])
    for share in (10, 50, 90):
        np.testing.assert_allclose(
            np.percentile(ours, share, axis=0), np.percentile(theirs, share, axis=0), atol=9
        )


def test_a_long_image_gives_the_middle_part_of_an_allowed_aspect():
    assert crop_of(0, (10, 1000), (0.9, 1.0), (3 / 4, 4 / 3)) == (0, 493, 10, 13)
    assert crop_of(0, (1000, 9), (0.9, 1.0), (3 / 4, 4 / 3)) == (494, 0, 12, 9)
