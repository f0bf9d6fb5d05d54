"""Which views of radiographs are enlarged, and what of a file the cache keeps."""

import pytest
from image_size.crops import ORIGINALS, enlarged, stored_size

from pcrl.config import load_recipe
from pcrl.engine.images.reading import read_picture
from tests.helpers import radiographs

RECIPE = load_recipe("pcrlv2-2d")
SAMPLES = 500


@pytest.mark.parametrize("original", ORIGINALS.values(), ids=list(ORIGINALS))
def test_the_published_recipe_enlarges_no_view_that_is_not_so_in_the_file(original):
    stored = stored_size(original, RECIPE.data.size, RECIPE.data.longest)
    assert enlarged(RECIPE, stored, SAMPLES) == enlarged(RECIPE, original, SAMPLES)


def test_from_256_pixels_many_views_are_enlarged():
    along_a_side, in_all, local_side, local_all = enlarged(RECIPE, (256, 256), SAMPLES)
    assert 1 > along_a_side > in_all > 0.6
    assert along_a_side > local_side > local_all > 0.3


def test_views_of_one_aspect_are_enlarged_as_their_area_says():
    views = RECIPE.views.model_copy(update={"aspect": (1.0, 1.0)})
    square = RECIPE.model_copy(update={"views": views})
    shares = enlarged(square, (256, 256), 4000)
    # Square crops always fit, so that areas are uniform, and both ways of counting agree up to rounding.
    expected_globals = (224**2 / 256**2 - 0.3) / 0.7
    expected_locals = (96**2 / 256**2 - 0.05) / 0.25
    assert shares == pytest.approx([expected_globals] * 2 + [expected_locals] * 2, abs=0.03)


@pytest.mark.parametrize("shape", [(100, 80), (80, 100), (40, 50), (300, 90)])
def test_sizes_are_those_that_ingest_stores(tmp_path, shape):
    file = tmp_path / "1.png"
    radiographs.write(file, radiographs.picture(0, shape))
    data = load_recipe("pcrlv2-2d", ["data.size=64"]).data
    assert stored_size(shape, data.size, data.longest) == read_picture(file, data).values.shape
