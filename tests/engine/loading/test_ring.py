"""The loader: the same bytes however many threads, and no thread left behind."""

import functools
import hashlib
import subprocess
import sys
import threading
import time
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.frames import encode
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.geometry.box import Box
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.loading.order import LoaderError, Order
from pcrl.engine.loading.ring import BATCHES_AHEAD, Ring
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.engine.volumes.render import OpenCase, VolumeRenderer
from tests.helpers import scans

SMALL = [
    *scans.VIEWS,
    "training.batch_size=4",
    "training.epochs=2",
    "training.samples_per_case=4",
    "training.ahead=1",
]


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("pcrlv2-3d", SMALL)


@pytest.fixture(scope="module")
def cases(tmp_path_factory, recipe):
    root = tmp_path_factory.mktemp("loader")
    for n in range(3):
        scans.write(root / f"lits/volume-{n}.nii", scans.body((24 + 4 * n, 32, 40)))
    list(run(plan(find("lits", root / "lits"), root / "cache", recipe), 1))
    return Cache(root / "cache").dataset("lits").cases


def loader(cases, recipe, threads=1, start=(0, 0), rank=0, world=1):
    training = recipe.training
    renderer = VolumeRenderer(cases, ["foreground"] * len(cases), recipe)
    order = Order(renderer.groups, training.batch_size, training.seed, rank=rank, world=world)
    return Ring(renderer, order, threads=threads, start=start)


def loader_threads():
    return [
        thread for thread in threading.enumerate() if thread.name.startswith(("pcrl-loader", "pcrl-ahead"))
    ]


def digests(made):
    result = {}
    with made:
        for batch in made:
            digest = hashlib.sha256()
            for array in (batch.globals, batch.target, batch.locals):
                assert np.isfinite(array).all()
                digest.update(array.tobytes())
            result[batch.epoch, batch.step] = digest.hexdigest()
            batch.release()
    assert not loader_threads()
    return result


def test_bytes_do_not_depend_on_threads_or_on_the_start(cases, recipe):
    straight = digests(loader(cases, recipe))
    assert list(straight) == [(epoch, step) for epoch in range(2) for step in range(3)]
    assert len(set(straight.values())) == 6
    for threads in (2, 5):
        assert digests(loader(cases, recipe, threads)) == straight
    resumed = digests(loader(cases, recipe, 2, start=(0, 2)))
    assert resumed == {k: v for k, v in straight.items() if k >= (0, 2)}


def test_ranks_share_a_batch(cases, recipe):
    with loader(cases, recipe) as whole:
        batch = next(iter(whole))
        expected = batch.globals.copy()
    halves = []
    for rank in range(2):
        with loader(cases, recipe, rank=rank, world=2) as part:
            halves.append(next(iter(part)).globals.copy())
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), expected)


def test_views_are_normalised_and_the_target_is_in_range(cases, recipe):
    with loader(cases, recipe) as made:
        batch = next(iter(made))
        assert batch.target.min() >= -1e-6
        assert batch.target.max() <= 1 + 1e-6
        for view in (*batch.globals.reshape(-1, 8, 16, 16), *batch.locals.reshape(-1, 8, 8, 8)):
            assert abs(view.mean()) < 1e-4
            assert view.std() == pytest.approx(1, abs=0.02) or not view.any()
        assert all(name.startswith("lits/volume-") for name in batch.cases)


def test_a_batch_is_not_overwritten_before_its_release(cases, recipe):
    with loader(cases, recipe, 2) as made:
        batches = iter(made)
        held = next(batches)
        before = held.globals.copy()
        for _ in range(2):
            next(batches)
        np.testing.assert_array_equal(held.globals, before)


def test_a_bad_case_is_named_and_threads_end(cases, recipe, monkeypatch):
    read = OpenCase.read

    def broken(self, plan, destination, scratch):
        if self.shape == cases[1].record.grid.shape:
            raise ValueError("no such chunk")
        read(self, plan, destination, scratch)

    monkeypatch.setattr(OpenCase, "read", broken)
    with pytest.raises(LoaderError, match="case lits/volume-1: no such chunk"):
        digests(loader(cases, recipe, 3))
    assert not loader_threads()


def test_cases_are_opened_before_they_are_due(cases, recipe):
    many = [replace(cases[0], name=str(n)) for n in range(40)]
    renderer = VolumeRenderer(many, ["foreground"] * 40, recipe)
    order = Order(renderer.groups, 4, 0, window=4)
    with Ring(renderer, order, threads=1) as made:
        next(iter(made))
        due = order.epoch(0)[: recipe.training.ahead + 2 + BATCHES_AHEAD] // 4
        for _ in range(100):
            if renderer.case.cache_info().currsize == len(set(due.ravel())):
                break
            time.sleep(0.05)
        assert renderer.case.cache_info().currsize == len(set(due.ravel()))


def test_leaving_early_ends_all_threads(cases, recipe):
    with loader(cases, recipe, 3) as made:
        next(iter(made))
        assert sum(thread.name.startswith("pcrl-loader") for thread in loader_threads()) == 3
    assert not loader_threads()


def grid(shape):
    return Grid(shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


def plan_of(*boxes):
    views = [SimpleNamespace(box=box) for box in boxes]
    return SimpleNamespace(channel=0, views=views, region=functools.reduce(Box.union, boxes))


def test_region_beyond_the_volume_is_air(cases):
    case = cases[0]
    whole = case.voxels.read()[0]
    region = np.empty((40, 10, 50), np.int16)
    OpenCase(case).read(plan_of(Box((-8, 5, -5), (40, 10, 50))), region, Scratch())
    np.testing.assert_array_equal(region[8:32, :, 5:45], whole[:, 5:15])
    region[8:32, :, 5:45] = -1000
    assert (region == -1000).all()


def test_only_chunks_under_a_view_are_read(tmp_path):
    values = np.random.default_rng(0).integers(0, 99, (64, 64, 64)).astype(np.int16)
    store = store_of("zarr")
    store.write_image(tmp_path, "a", encode(values[None], 16, "lz4", 0), grid(values.shape), {})
    boxes = [Box((2, 3, 4), (20, 9, 7)), Box((40, 50, 30), (10, 14, 30))]
    region = np.full((48, 61, 56), -7, np.int16)
    wanted = np.array([(box.start, box.stop) for box in boxes])
    BoxReader(store.image_table(tmp_path)).read(0, (2, 3, 4), region, Scratch(), wanted)
    for box in boxes:
        place = tuple(slice(a - o, b - o) for a, b, o in zip(box.start, box.stop, (2, 3, 4), strict=True))
        inside = tuple(slice(a, b) for a, b in zip(box.start, box.stop, strict=True))
        np.testing.assert_array_equal(region[place], values[inside])
    assert (region == -7).mean() > 0.8


def test_order_visits_every_sample_once():
    order = Order((8,) * 5, 4, seed=3)
    assert sorted(order.epoch(0).ravel()) == list(range(40))
    assert not np.array_equal(order.epoch(0), order.epoch(1))
    np.testing.assert_array_equal(order.epoch(1), Order((8,) * 5, 4, seed=3).epoch(1))
    assert Order((8,) * 5, 12, seed=3).epoch(0).shape == (3, 12)


@pytest.mark.parametrize("window", [1, 3, 10])
def test_window_bounds_the_cases_that_are_open(window):
    order = Order((16,) * 40, 8, seed=1, window=window)
    sequence = order.epoch(0).ravel()
    assert sorted(sequence) == list(range(640))
    of_case = sequence // 16
    first = {case: np.argmax(of_case == case) for case in range(40)}
    last = {case: 639 - np.argmax(of_case[::-1] == case) for case in range(40)}
    open_at = [sum(first[case] <= n <= last[case] for case in range(40)) for n in range(640)]
    assert max(open_at) <= window
    assert np.mean(open_at[160:-160]) > 0.6 * window
    assert len(set(of_case[300:332])) >= min(window, 10) * 0.6
    np.testing.assert_array_equal(sequence, Order((16,) * 40, 8, seed=1, window=window).epoch(0).ravel())
    halves = [Order((16,) * 40, 8, seed=1, window=window, rank=rank, world=2).epoch(0) for rank in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), order.epoch(0))


def test_a_window_of_all_cases_is_a_plain_shuffle():
    np.testing.assert_array_equal(Order((8,) * 5, 4, 3, window=5).epoch(2), Order((8,) * 5, 4, 3).epoch(2))


def test_steady_state_allocates_no_buffer(cases):
    """Not even room for one view is made anew; of small objects, such as plans, Python keeps some 100 KB for later."""
    recipe = load_recipe("pcrlv2-3d", [*SMALL, "views.global_shape=[32, 64, 64]", "training.epochs=40"])
    with loader(cases, recipe) as made:
        batches = iter(made)
        for _ in range(20):
            next(batches).release()
        tracemalloc.start()
        for _ in range(60):
            next(batches).release()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 32 * 64 * 64 * 4


MANY = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from pcrl.config import load_recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.loading.ring import BATCHES_AHEAD, Ring
from pcrl.engine.loading.order import Order
from pcrl.engine.volumes.render import VolumeRenderer

cases = Cache(Path(sys.argv[1])).dataset("lits").cases
many = [replace(cases[n % len(cases)], name=f"copy-{n}") for n in range(10_000)]
recipe = load_recipe("pcrlv2-3d", sys.argv[2:])
renderer = VolumeRenderer(many, ["foreground"] * len(many), recipe)
order = Order(renderer.groups, 4, 0, recipe.training.window)
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
with Ring(renderer, order, threads=2) as loader:
    batches = iter(loader)
    for _ in range(30):
        next(batches).release()
    before = memory()
    for _ in range(3000):
        next(batches).release()
print(memory() - before)
"""


@pytest.mark.slow
def test_memory_is_bounded_whatever_the_number_of_cases(cases):
    cache = cases[0].folder.parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MANY, str(cache), *SMALL], capture_output=True, encoding="utf-8", check=True
    )
    assert float(done.stdout) < 100
