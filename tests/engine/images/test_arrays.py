"""Views of plain arrays: those that the renderer makes of the same pixels."""

import numpy as np
import pytest

from pcrl.config import RecipeError, load_recipe
from pcrl.datasets.layouts.folder import find
from pcrl.engine.batch import SampleSlot
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.images.arrays import views_of
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.engine.images.render import ImageRenderer
from pcrl.kernels.streams import sample_key
from tests.helpers import radiographs

SMALL = [
    "data.size=64",
    "views.global_shape=[64, 64]",
    "views.local_shape=[32, 32]",
    "training.samples_per_case=4",
]


@pytest.mark.parametrize("bits", [8, 16])
def test_views_are_those_of_the_renderer(tmp_path, bits):
    recipe = load_recipe("cpu-2d", [*SMALL, f"data.bits={bits}"])
    for n in range(3):
        radiographs.write(tmp_path / f"some/{n}.png", radiographs.picture(n, (90, 70 + 20 * n)))
    list(run(plan(find(tmp_path / "some"), tmp_path / "cache", recipe), 1))
    images = CachedImages.open(tmp_path / "cache/some")
    renderer = ImageRenderer([(images, np.arange(3))], recipe)
    workspace, expected = renderer.workspace(), SampleSlot.of_one(recipe)
    for sample in range(12):
        key = sample_key(5, 0, sample)
        renderer.make(key, sample, workspace, expected)
        height, width = images.table.shapes[sample // 4]
        pixels = renderer.image(sample, workspace)[:height, :width].copy()
        found = views_of(pixels, recipe, key)
        for name in ("globals", "target", "locals", "holes"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_floats_in_0_to_1_and_arrays_with_steps_are_taken_too():
    recipe = load_recipe("cpu-2d", SMALL)
    image = np.random.default_rng(0).random((90, 70), np.float32)
    found = views_of(image, recipe, 2**64 - 1)
    assert found.globals.shape == (2, 1, 1, 64, 64)
    assert 0 <= found.target.min() < found.target.max() <= 1
    turned = views_of(np.ascontiguousarray(image.T).T, recipe, 2**64 - 1)
    np.testing.assert_array_equal(turned.globals, found.globals)


def test_an_array_of_other_dimensions_is_refused():
    with pytest.raises(ValueError, match=r"an image is \(y, x\)"):
        views_of(np.zeros((3, 4, 5), np.uint8), load_recipe("cpu-2d", SMALL), 0)


def test_a_recipe_may_be_named_and_one_of_the_other_kind_is_refused():
    array = np.zeros((40, 40), np.float32)
    named = views_of(array, "cpu-2d", 3)
    assert np.array_equal(named.globals, views_of(array, load_recipe("cpu-2d"), 3).globals)
    with pytest.raises(RecipeError, match="recipe cpu-3d is for volumes, and cannot be used here"):
        views_of(array, load_recipe("cpu-3d"), 3)
