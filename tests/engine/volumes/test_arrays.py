"""Views of plain arrays: those that the renderer makes of the same voxels."""

import numpy as np
import pytest

from pcrl.config import RecipeError, load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.batch import SampleSlot
from pcrl.engine.cache.cache import Cache
from pcrl.engine.volumes.arrays import views_of
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.engine.volumes.render import VolumeRenderer
from pcrl.engine.volumes.tissue import Tissue
from pcrl.kernels.streams import sample_key
from tests.helpers import scans

RECIPE = load_recipe(
    "pcrlv2-3d",
    [
        "views.global_boxes=[[16, 24, 24], [40, 16, 16]]", "views.lung_limits=[1, 1]", "views.margin=[2, 2, 2]",
        "views.global_shape=[8, 16, 16]", "views.local_boxes=[[8, 8, 8], [4, 4, 4]]", "views.local_shape=[8, 8, 8]",
        "training.samples_per_case=40",
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    root = tmp_path_factory.mktemp("arrays")
    # Flatter than one of the boxes, so that some regions reach beyond it.
    scans.write(root / "lits/volume-0.nii", scans.body((24, 32, 40)))
    list(run(plan(find("lits", root / "lits"), root / "cache", RECIPE), 1))
    return Cache(root / "cache").dataset("lits").cases[0]


def test_views_are_those_of_the_renderer(case):
    renderer = VolumeRenderer([case], ["foreground"], RECIPE)
    workspace, expected = renderer.workspace(), SampleSlot.of_one(RECIPE)
    intensity, voxels = case.record.intensities[0], case.voxels.read()[0]
    tissue = Tissue(case.occupancy[0], voxels.shape)
    beyond = 0
    for sample in range(40):
        key = sample_key(3, 1, sample)
        renderer.make(key, sample, workspace, expected)
        box = renderer.plan(key, 0).region
        beyond += any(a < 0 or b > n for a, b, n in zip(box.start, box.stop, voxels.shape, strict=True))
        found = views_of(voxels, RECIPE, key, scale=intensity.scale, offset=intensity.offset, tissue=tissue)
        for name in ("globals", "target", "locals"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert beyond > 5


def test_floats_in_0_to_1_need_nothing_else():
    volume = np.random.default_rng(0).random((30, 40, 50), np.float32)
    found = views_of(volume, RECIPE, 2**64 - 1)
    assert found.globals.shape == (2, 1, 1, 8, 16, 16)
    assert found.locals.shape == (RECIPE.views.locals, 1, 1, 8, 8, 8)
    assert 0 <= found.target.min() < found.target.max() <= 1
    assert abs(found.globals[0].mean()) < 1e-4
    again = views_of(volume, RECIPE, 2**64 - 1)
    np.testing.assert_array_equal(found.globals, again.globals)
    assert not np.array_equal(found.globals, views_of(volume, RECIPE, 1).globals)


def test_an_array_of_other_dimensions_is_refused():
    with pytest.raises(ValueError, match=r"a volume is \(z, y, x\)"):
        views_of(np.zeros((2, 3, 4, 5), np.float32), RECIPE, 0)


def test_a_recipe_may_be_named_and_one_of_the_other_kind_is_refused():
    array = np.zeros((40, 40, 40), np.float32)
    named = views_of(array, "cpu-3d", 3)
    assert np.array_equal(named.globals, views_of(array, load_recipe("cpu-3d"), 3).globals)
    with pytest.raises(RecipeError, match="recipe cpu-2d is for images, and cannot be used here"):
        views_of(array, load_recipe("cpu-2d"), 3)
