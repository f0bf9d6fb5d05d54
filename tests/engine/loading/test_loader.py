"""The loader's face: a plain loop, in anyone's code, that never hangs and leaves nothing behind."""

import gc
import hashlib
import threading

import numpy as np
import pytest

from pcrl.config import RecipeError, load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.loading.loader import Loader
from pcrl.engine.loading.order import LoaderError, Order
from pcrl.engine.loading.ring import Ring
from pcrl.engine.selection.select import select
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.kernels.streams import sample_key
from tests.helpers import scans

SMALL = [
    *scans.VIEWS,
    "training.batch_size=4",
    "training.epochs=2",
    "training.samples_per_case=4",
    "training.ahead=1",
    "training.seed=7",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("face")
    for n in range(3):
        scans.write(root / f"lits/volume-{n}.nii", scans.body((24 + 4 * n, 32, 40)))
    recipe = load_recipe("pcrlv2-3d", SMALL)
    list(run(plan(find("lits", root / "lits"), root / "cache", recipe), 1))
    return Cache(str(root / "cache"))


def digest(batch):
    found = hashlib.sha256()
    for array in (batch.globals, batch.target, batch.locals, batch.keys):
        found.update(array.tobytes())
    return found.hexdigest()


def threads_of_loaders():
    names = ("pcrl-loader-", "pcrl-ahead-")
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


def plainly(loader):
    return {(batch.epoch, batch.step): digest(batch) for batch in loader}


def test_a_plain_loop_gives_what_the_ring_gives_and_ends_all_threads(cache):
    loader = Loader(cache, threads=2)
    assert loader.recipe == load_recipe("pcrlv2-3d", SMALL)
    assert loader.steps == 3
    assert len(loader) == 6
    renderer = select(cache, (), loader.recipe).renderer()
    expected = {}
    with Ring(renderer, Order.of(renderer.groups, loader.recipe.training), threads=1) as ring:
        for batch in ring:
            expected[batch.epoch, batch.step] = digest(batch)
            batch.release()
    assert plainly(loader) == expected
    assert loader.times.samples == 24
    assert plainly(loader) == expected
    assert not threads_of_loaders()


def test_a_start_and_an_end_can_be_given(cache):
    whole = plainly(Loader(cache, threads=1))
    part = Loader(cache, threads=1, start=(0, 2), epochs=1)
    assert len(part) == 1
    assert plainly(part) == {(0, 2): whole[0, 2]}


def test_early_release_changes_nothing(cache):
    released = {}
    for batch in Loader(cache, threads=2):
        released[batch.epoch, batch.step] = digest(batch)
        batch.release()
    assert released == plainly(Loader(cache, threads=2))


@pytest.mark.slow
def test_a_batch_that_is_kept_is_not_overwritten_before_the_next_is_asked_for(cache):
    batches = iter(Loader(cache, threads=3))
    for _ in range(6):
        batch = next(batches)
        before = batch.globals.copy()
        gc.collect()
        np.testing.assert_array_equal(batch.globals, before)
    assert list(batches) == []


def test_break_ends_all_threads(cache):
    for _ in Loader(cache, threads=2):
        assert threads_of_loaders()
        break
    assert not threads_of_loaders()


def test_an_exception_in_the_loop_ends_all_threads(cache):
    def fail():
        for batch in Loader(cache, threads=2):
            raise ValueError(batch.step)

    with pytest.raises(ValueError, match="0"):
        fail()
    assert not threads_of_loaders()


def test_an_iterator_that_is_forgotten_ends_all_threads(cache):
    batches = iter(Loader(cache, threads=2))
    next(batches)
    assert threads_of_loaders()
    del batches
    gc.collect()
    assert not threads_of_loaders()


def test_no_thread_before_the_first_batch(cache):
    loader = Loader(cache, threads=2)
    assert not threads_of_loaders()
    iter(loader)
    assert not threads_of_loaders()


def test_keys_are_those_of_the_samples(cache):
    loader = Loader(cache, threads=2)
    order = Order.of(select(cache, (), loader.recipe).renderer().groups, loader.recipe.training)
    for batch in loader:
        samples = order.epoch(batch.epoch)[batch.step]
        assert batch.keys.dtype == np.uint64
        assert batch.keys.tolist() == [sample_key(7, batch.epoch, int(n)) for n in samples]


def test_recipes_by_name_file_and_object_with_settings_changed(cache, tmp_path):
    changed = (*SMALL, "training.batch_size=6")
    by_name = Loader(cache, "pcrlv2-3d", overrides=changed)
    assert by_name.recipe.training.batch_size == 6
    recipe = load_recipe("pcrlv2-3d", SMALL)
    assert Loader(cache, recipe, overrides=["training.batch_size=6"]).recipe == by_name.recipe
    (tmp_path / "mine.toml").write_text("dimensions = 3\n[training]\nbatch_size = 8\n")
    assert Loader(cache, tmp_path / "mine.toml").recipe.name == "mine"
    with pytest.raises(RecipeError, match="is for images, and lits holds none"):
        Loader(cache, "pcrlv2-2d")


def test_a_selection_has_its_recipe(cache):
    recipe = load_recipe("pcrlv2-3d", SMALL)
    selection = select(cache, ("lits",), recipe)
    assert plainly(Loader(selection, threads=1)) == plainly(Loader(cache, recipe, datasets=["lits"]))
    with pytest.raises(TypeError, match="a selection already has its recipe"):
        Loader(selection, "pcrlv2-3d")


def test_less_than_a_batch_is_an_error(cache):
    with pytest.raises(LoaderError, match="do not fill one batch of 64"):
        Loader(cache, overrides=["training.batch_size=64"])


def test_a_folder_is_as_good_as_its_cache_and_one_name_as_a_list_of_one(cache):
    for root in (cache.root, str(cache.root)):
        loader = Loader(root, datasets="lits", overrides="training.batch_size=6")
        assert loader.recipe.training.batch_size == 6
        assert plainly(loader) == plainly(
            Loader(cache, datasets=["lits"], overrides=["training.batch_size=6"])
        )


@pytest.mark.parametrize("wrong", [{"threads": -1}, {"epochs": -1}, {"start": (0, -1)}])
def test_what_would_never_end_is_refused(cache, wrong):
    with pytest.raises(ValueError, match="none may be below 0"):
        Loader(cache, **wrong)


def test_what_is_no_cache_is_refused():
    with pytest.raises(TypeError, match="expected a cache"):
        Loader(None)
