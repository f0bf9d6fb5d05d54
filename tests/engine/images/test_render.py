"""Batches of images: the same bytes however they are made, of the pixels that they should be of."""

import hashlib

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.layouts.folder import find as find_folder
from pcrl.datasets.layouts.images.chexpert import find
from pcrl.engine.batch import SampleSlot
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.engine.images.render import ImageRenderer
from pcrl.engine.loading.measure import paced, rate, reads
from pcrl.engine.loading.order import LoaderError, Order
from pcrl.engine.loading.ring import Ring
from pcrl.kernels.images.draw import ANGLE, FLIP
from pcrl.kernels.streams import sample_key
from tests.helpers import radiographs

RECIPE = load_recipe(
    "cpu-2d",
    [
        "data.size=64", "data.shard=10", "views.global_shape=[64, 64]", "views.local_shape=[32, 32]",
        "training.batch_size=4", "training.epochs=2", "training.samples_per_case=2", "training.window=2",
        "training.ahead=1",
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    radiographs.chexpert(root / "chexpert", patients=12, valid=2)
    for n in range(5):
        radiographs.write(root / f"more/{n}.png", radiographs.picture(100 + n, (90, 70)))
    for found in (find(root / "chexpert"), find_folder(root / "more")):
        list(run(plan(found, root / "cache", RECIPE), 1))
    chexpert, more = (CachedImages.open(root / f"cache/{name}") for name in ("chexpert", "more"))
    return [(chexpert, chexpert.table.where("train")), (more, np.arange(5))]


def digests(renderer, threads=1, start=(0, 0), window=2):
    order = Order(renderer.groups, 4, 0, window)
    result = {}
    with Ring(renderer, order, threads=threads, start=start) as loader:
        for batch in loader:
            digest = hashlib.sha256()
            for array in (batch.globals, batch.target, batch.locals, batch.holes):
                assert np.isfinite(array).all()
                digest.update(array.tobytes())
            result[batch.epoch, batch.step] = digest.hexdigest()
            batch.release()
    return result


def test_bytes_do_not_depend_on_threads_or_on_the_start(sets):
    straight = digests(ImageRenderer(sets, RECIPE))
    assert len(set(straight.values())) == len(straight) >= 10
    assert digests(ImageRenderer(sets, RECIPE), threads=3) == straight
    resumed = digests(ImageRenderer(sets, RECIPE), threads=2, start=(1, 2))
    assert resumed == {k: v for k, v in straight.items() if k >= (1, 2)}


def test_groups_are_shards_and_every_sample_has_its_image(sets):
    renderer = ImageRenderer(sets, RECIPE)
    chosen = [len(positions) for _, positions in sets]
    assert sum(renderer.groups) == 2 * sum(chosen)
    assert len(renderer.groups) == len(renderer.files) == len({*renderer.files})
    names = [renderer.name_of(sample) for sample in range(0, sum(renderer.groups), 2)]
    expected = [f"{s.name}/{s.table.names[n]}" for s, positions in sets for n in positions]
    assert names == expected
    assert all(renderer.name_of(2 * n) == renderer.name_of(2 * n + 1) for n in range(sum(chosen)))


def test_the_target_is_of_the_image_and_within_range(sets):
    renderer = ImageRenderer(sets, RECIPE)
    workspace, place = renderer.workspace(), SampleSlot.of_one(RECIPE)
    whole = load_recipe("cpu-2d", ["data.size=64", "views.global_area=[1, 1]", "views.angle=0",
        "views.aspect=[1.25, 1.25]", "views.flip_probability=0", "views.global_shape=[64, 64]"])  # fmt: skip
    plain = ImageRenderer(sets[:1], whole.model_copy(update={"training": RECIPE.training}))
    for sample in range(0, 20, 3):
        key = sample_key(0, 0, sample)
        renderer.make(key, sample, workspace, place)
        assert place.target.min() >= 0
        assert place.target.max() <= 1
        assert all(0 <= view.min() <= view.max() <= 1 for view in place.views)
        # The whole image, 64 of 80 columns wide: against the stored pixels, reduced by hand.
        own = SampleSlot.of_one(whole)
        room = plain.workspace()
        plain.make(key, sample, room, own)
        assert room.plan.boxes[0].tolist() == [0, 0, 64, 80]
        assert not room.plan.numbers[:, [ANGLE, FLIP]].any()
        stored = plain.image(sample, room)[:64, :80] / 255
        assert own.target[0, 0].mean() == pytest.approx(stored.mean(), abs=2e-3)
        assert np.corrcoef(own.target[0, 0, :, 32], stored[:, 40])[0, 1] > 0.95


def test_a_damaged_image_is_named_by_the_loader(sets, tmp_path):
    renderer = ImageRenderer(sets, RECIPE)
    path = renderer.files[1]
    content = path.read_bytes()
    try:
        path.write_bytes(content[: len(content) // 3] + bytes(64) + content[len(content) // 3 + 64 :])
        with pytest.raises(LoaderError, match=r"case chexpert/train/patient.*image \d of it is damaged"):
            digests(ImageRenderer(sets, RECIPE))
    finally:
        path.write_bytes(content)


def test_measurements_speak_of_images_too(sets):
    renderer = ImageRenderer(sets, RECIPE)
    found = rate(renderer, 1, 0.2)
    assert found.samples > 0
    assert found.stages["gather"] > 0
    needs = reads(renderer)
    assert needs.chunks == 1
    assert 1000 < needs.bytes < 20_000
    assert paced(renderer, 1, 0.001, cold=True, seconds=0.3).samples > 0
