"""What goes wrong in a thread of the loader is raised where batches are taken, by name and at once, or skipped."""

import shutil
import threading
import time

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.images.ingest.plan import plan as plan_images
from pcrl.engine.images.ingest.run import run as run_images
from pcrl.engine.loading import ring
from pcrl.engine.loading.loader import Loader
from pcrl.engine.loading.order import LoaderError
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.engine.volumes.render import OpenCase, VolumeRenderer
from tests.helpers import radiographs, scans

SMALL = [*scans.VIEWS, "training.batch_size=4", "training.epochs=2", "training.samples_per_case=8"]
SMALL_IMAGES = ["data.size=32", "data.shard=4", "training.batch_size=4", "training.epochs=1"]
SKIP = "training.on_corrupt=skip"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("making")
    for n in range(4):
        scans.write(root / f"lits/volume-{n}.nii", scans.body((24 + 4 * n, 32, 40)))
    list(run(plan(find("lits", root / "lits"), root / "cache", load_recipe("pcrlv2-3d", SMALL)), 1))
    for n in range(12):
        radiographs.write(root / f"chests/{n}.png", radiographs.picture(n))
    recipe = load_recipe("cpu-2d", SMALL_IMAGES)
    list(run_images(plan_images(find("folder", root / "chests"), root / "images", recipe), 1))
    return root


@pytest.fixture
def cache(made, tmp_path):
    return shutil.copytree(made / "cache", tmp_path / "cache")


def image_of(cache, case):
    (file,) = (cache / f"lits/cases/{case}").rglob("image.ome.zarr/0/c/0/0/0/0")
    return file


def vanish(cache):
    image_of(cache, "volume-1").unlink()


def shorten(cache):
    file = image_of(cache, "volume-1")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(cache):
    file = image_of(cache, "volume-1")
    content = np.fromfile(file, np.uint8)
    content[: len(content) - 200 : 50] ^= 255
    content.tofile(file)


def without_tissue(cache):
    (cache / "lits/cases/volume-1/occupancy.npy").write_bytes(b"no array")


def go(cache):
    shutil.rmtree(cache / "lits/cases/volume-1")


DAMAGES = [vanish, shorten, flip, without_tissue, go]


def loader(cache, *more, threads=2):
    return Loader(cache, overrides=[*SMALL, *more], threads=threads)


def ended():
    names = ("pcrl-loader-", "pcrl-ahead-")
    return not [thread for thread in threading.enumerate() if thread.name.startswith(names)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_case_ends_the_loop_by_name_and_says_what_else_could_be_done(cache, damage):
    batches = loader(cache)
    damage(cache)
    began = time.monotonic()
    with pytest.raises(LoaderError, match=r"case lits/volume-1: .*--on-corrupt skip"):
        list(batches)
    assert time.monotonic() - began < 20
    assert ended()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_case_is_skipped_alike_for_any_number_of_threads(cache, damage):
    untouched = {(b.epoch, b.step): (b.cases, b.keys.tolist(), b.target.sum()) for b in loader(cache, SKIP)}
    one, three = loader(cache, SKIP, threads=1), loader(cache, SKIP, threads=3)
    damage(cache)
    first = [(b.epoch, b.step, b.cases, b.keys.tolist(), b.target.tobytes(), b.skipped) for b in one]
    again = [(b.epoch, b.step, b.cases, b.keys.tolist(), b.target.tobytes(), b.skipped) for b in three]
    assert first == again
    skipped = [name for *_, those in first for name, _ in those]
    assert set(skipped) == {"lits/volume-1"}
    if damage not in (flip, shorten):  # of which some chunks are as they were
        assert not any("lits/volume-1" in cases for _, _, cases, *_ in first)
    # What does not touch it stays as it was.
    for epoch, step, cases, keys, _, _ in first:
        before = untouched[epoch, step]
        same = [(c, k) for c, k in zip(before[0], before[1], strict=True) if c != "lits/volume-1"]
        assert set(same) <= set(zip(cases, keys, strict=True))


def test_a_cache_of_which_nothing_can_be_read_is_an_error(cache):
    batches = loader(cache, SKIP)
    shutil.rmtree(cache)
    with pytest.raises(LoaderError, match="samples in a row cannot be read"):
        list(batches)
    assert ended()


def test_a_shard_of_images_that_shrinks_or_is_gone_is_named(made, tmp_path):
    cache = shutil.copytree(made / "images", tmp_path / "images")
    batches = Loader(cache, overrides=SMALL_IMAGES, threads=2)
    (shard,) = (file for file in (cache / "chests").rglob("c/1/0/0") if file.is_file())
    shard.unlink()
    with pytest.raises(LoaderError, match="case chests/"):
        list(batches)
    skipping = Loader(cache, overrides=[*SMALL_IMAGES, SKIP], threads=2)
    assert {name for batch in skipping for name, _ in batch.skipped} <= {f"chests/{n}" for n in range(12)}


def test_a_file_that_shrinks_while_it_is_open_does_not_end_the_process(cache):
    opened = OpenCase(Cache(cache).dataset("lits").cases[1])
    opened.boxes.file.check()
    shorten(cache)
    with pytest.raises(Exception, match="when it was opened"):
        opened.boxes.file.check()


@pytest.mark.parametrize("error", [MemoryError("no room"), RuntimeError("odd"), KeyError("x")])
def test_a_workspace_that_cannot_be_made_is_an_error_and_no_hang(cache, monkeypatch, error):
    def none(_):
        raise error

    monkeypatch.setattr(VolumeRenderer, "workspace", none)
    with pytest.raises(type(error)):
        list(loader(cache))
    assert ended()


def test_threads_that_cannot_be_started_leave_none_behind(cache, monkeypatch):
    start, count = threading.Thread.start, []

    def few(thread):
        count.append(thread)
        if len(count) > 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(ring.threading.Thread, "start", few)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(loader(cache))
    assert ended()


def test_a_thread_that_waits_for_ever_holds_nobody_up(cache, monkeypatch):
    waiting = threading.Event()
    monkeypatch.setattr(ring, "LEAVING", 0.3)
    monkeypatch.setattr(OpenCase, "read", lambda *_: waiting.wait())
    with ring.Ring(*_parts(cache), threads=1):
        pass
    waiting.set()


def _parts(cache):
    made = loader(cache)
    return made._renderer, made._order
