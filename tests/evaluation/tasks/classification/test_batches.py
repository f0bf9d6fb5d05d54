"""What the classifier is shown: the same for any number of threads, within the image, each image once."""

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.layouts.images.chexpert import find
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.engine.images.reading import read_picture
from pcrl.evaluation.tasks.classification.batches import MIDDLE, ImageBatches, drawn_cut, middle, shuffled
from tests.helpers import radiographs

RECIPE = load_recipe("cpu-2d", ["data.size=64", "finetuning.shape=[32, 32]", "finetuning.batch_size=5"])
ROWS = np.arange(3, 25)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    list(run(plan(find(radiographs.chexpert(root / "chexpert")), root / "cache", RECIPE), 1))
    return CachedImages.open(root / "cache/chexpert")


def everything(images, threads, seed=0, epoch=1):
    batches = ImageBatches(images, RECIPE, threads)
    return [*batches.augmented(ROWS, seed, epoch), *batches.plain(ROWS)]


def test_threads_change_nothing(images):
    alone = everything(images, 1)
    for (rows, pixels), (again, same) in zip(alone, everything(images, 3), strict=True):
        np.testing.assert_array_equal(rows, again)
        np.testing.assert_array_equal(pixels, same)


def test_batches_that_nobody_waits_for_leave_nothing_behind(images):
    batches = ImageBatches(images, RECIPE, 2)
    for _ in range(3):
        next(iter(batches.augmented(ROWS, 0, 1)))
    first, again = (list(batches.plain(ROWS)) for _ in range(2))
    for (_, pixels), (_, same) in zip(first, again, strict=True):
        np.testing.assert_array_equal(pixels, same)


def test_each_image_once_and_other_crops_in_another_epoch(images):
    batches = ImageBatches(images, RECIPE, 2)
    found = {}
    for seed, epoch in ((0, 1), (0, 2), (1, 1)):
        drawn = list(batches.augmented(ROWS, seed, epoch))
        assert sorted(np.concatenate([rows for rows, _ in drawn])) == list(ROWS)
        by_row = {int(row): image for rows, pixels in drawn for row, image in zip(rows, pixels, strict=True)}
        found[seed, epoch] = by_row
    for a, b in (((0, 1), (0, 2)), ((0, 1), (1, 1))):
        assert all(not np.array_equal(found[a][row], found[b][row]) for row in ROWS.tolist())


def test_what_is_scored_is_the_middle_of_the_image(images):
    (rows, pixels), *_ = ImageBatches(images, RECIPE, 2).plain(ROWS)
    assert pixels.shape == (5, 1, 32, 32)
    np.testing.assert_array_equal(rows, ROWS[:5])
    table = images.table
    name = table.names[rows[0]]
    source = images.folder.parents[1] / "chexpert" / f"{name}.jpg"
    whole = read_picture(source, RECIPE.data).values
    assert whole.shape == tuple(table.shapes[rows[0]]) == (64, 80)
    # 64 · 224/256 = 56 pixels, resized to 32.
    box = middle((64, 80), (32, 32))
    assert box == (4, 12, 56, 56)
    part = whole[4:60, 12:68] / 255
    assert abs(pixels[0].mean() - part.mean()) < 0.01
    assert np.corrcoef(pixels[0, 0, ::4, ::4].ravel(), part[::7, ::7].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("size", [(64, 80), (200, 64), (1, 1), (256, 512)])
@pytest.mark.parametrize("shape", [(32, 32), (32, 64)])
def test_boxes_lie_within_the_image(size, shape):
    cuts = [drawn_cut(key, size, RECIPE.finetuning) for key in range(50)]
    for y, x, height, width in (middle(size, shape), *(cut.box for cut in cuts)):
        assert 0 <= y < y + height <= size[0]
        assert 0 <= x < x + width <= size[1]
    assert len({cut.flip for cut in cuts}) == 2
    assert max(abs(cut.angle) for cut in cuts) <= np.radians(10)


def test_the_middle_has_the_aspect_of_what_is_shown():
    assert middle((256, 512), (32, 64))[2:] == (round(256 * MIDDLE), round(512 * MIDDLE))


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17, 33])
def test_no_batch_is_a_rest_of_one(count):
    batches = shuffled(np.arange(count), 16, 0, 1)
    sizes = [len(batch) for batch in batches]
    assert set(np.concatenate(batches).tolist()) == set(range(count))
    assert min(sizes) >= 2
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 16
