"""Plans of images: distributions, bounds, and that they depend on nothing but their key."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.config import load_recipe
from pcrl.engine.image_views import crop_of, plan_image
from pcrl.engine.views import Draws, sample_key

RECIPE = load_recipe("pcrlv2-2d")
VIEWS, CORRUPTION = RECIPE.views, RECIPE.corruption


def plans(count, size=(256, 300)):
    return [plan_image(sample_key(0, 0, n), size, VIEWS, CORRUPTION) for n in range(count)]


def test_a_plan_is_a_function_of_its_key():
    assert plans(5) == plans(5)
    assert len({plan.views[0].box for plan in plans(50)}) > 45
    other = load_recipe("pcrlv2-2d", ["corruption.blur_probability=1.0", "corruption.holes=1"])
    for a, b in zip(plans(20), plans(20), strict=True):
        changed = plan_image(sample_key(0, 0, 3), (256, 300), VIEWS, other.corruption)
        assert [v.box for v in a.views] == [v.box for v in b.views]
    assert [v.box for v in changed.views] == [v.box for v in plans(4)[3].views]
    assert [v.brightness for v in changed.views] == [v.brightness for v in plans(4)[3].views]


def test_views_are_as_published():
    drawn = plans(400)
    for plan in drawn:
        assert [view.shape for view in plan.views] == [(224, 224)] * 2 + [(96, 96)] * 6
        assert [len(view.holes) for view in plan.views] == [3, 3] + [0] * 6
    first = [plan.views[0] for plan in drawn]
    third = [plan.views[2] for plan in drawn]
    area = np.array([v.box.height * v.box.width for v in first]) / (256 * 300)
    small = np.array([v.box.height * v.box.width for v in third]) / (256 * 300)
    assert 0.28 < area.min() < 0.35
    assert 0.85 < area.max() <= 1
    assert 0.045 < small.min() < 0.06
    assert 0.28 < small.max() < 0.31
    aspect = np.array([v.box.width / v.box.height for v in third])
    assert 0.73 < aspect.min() < 0.78
    assert 1.28 < aspect.max() < 1.36
    assert abs(np.log(aspect).mean()) < 0.02
    angles = np.degrees([v.angle for v in third])
    assert -10 <= angles.min() < -9
    assert 9 < angles.max() <= 10
    assert 0.4 < np.mean([v.flip for v in third]) < 0.6
    blurred = np.array([v.blur for v in third])
    assert 0.4 < np.mean(blurred > 0) < 0.6
    assert 0.1 <= blurred[blurred > 0].min() < 0.2
    assert 1.9 < blurred.max() <= 2
    for name in ("brightness", "contrast"):
        values = [getattr(v, name) for v in first]
        assert 0.6 <= min(values) < 0.62
        assert 1.38 < max(values) <= 1.4
    assert 0.4 < np.mean([v.contrast_first for v in first]) < 0.6


def test_holes_are_clipped_squares_with_centres_anywhere():
    holes = np.array([hole for plan in plans(300) for view in plan.views[:2] for hole in view.holes])
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
        box = crop_of(Draws(seed), (height, width), area, VIEWS.aspect)
        assert 0 <= box.y <= height - box.height
        assert 0 <= box.x <= width - box.width
        assert min(box.height, box.width) >= 1


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
    boxes = [crop_of(Draws(sample_key(1, 0, n)), size, (0.3, 1.0), (3 / 4, 4 / 3)) for n in range(4000)]
    ours = np.array([(b.y, b.x, b.height, b.width) for b in boxes])
    for share in (10, 50, 90):
        np.testing.assert_allclose(
            np.percentile(ours, share, axis=0), np.percentile(theirs, share, axis=0), atol=9
        )


def test_a_long_image_gives_the_middle_part_of_an_allowed_aspect():
    wide = crop_of(Draws(0), (10, 1000), (0.9, 1.0), (3 / 4, 4 / 3))
    assert (wide.height, wide.width, wide.x) == (10, 13, 493)
    tall = crop_of(Draws(0), (1000, 9), (0.9, 1.0), (3 / 4, 4 / 3))
    assert (tall.width, tall.height, tall.y) == (9, 12, 494)
