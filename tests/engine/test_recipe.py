"""Which recipe is worked with, and what is never thrown away or mixed unasked."""

import numpy as np
import pytest

from pcrl.config import RecipeError, load_recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.ingest import ingest
from pcrl.engine.loading.loader import Loader
from pcrl.engine.recipe import ingest_recipe, recipe_for
from tests.helpers import radiographs, scans
from tests.helpers.command import pcrl, refused


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache with a data set of 3 mm; tests that write go elsewhere."""
    return stored(tmp_path_factory.mktemp("kept"))


def stored(folder, name="first", **options):
    """A folder with scans, and a cache that holds them."""
    for number in range(2):
        values = scans.body() + np.int16(number)
        scans.write(folder / f"{name}/{number}.nii", values)
    options = {"recipe": "cpu-3d"} | options
    ingest("folder", folder / name, cache=folder / "cache", workers=1, **options)
    return folder


@pytest.mark.parametrize(
    ("recipe", "overrides", "named"),
    [
        ("pcrlv2-3d", (), r"recipe cpu-3d \(data.spacing = \(3.0, 3.0, 3.0\).*--cache .*--replace"),
        (None, ("data.codec=zstd",), r"data.codec = lz4.*data.codec = zstd"),
    ],
)
def test_what_is_there_is_not_made_anew_unasked(kept, recipe, overrides, named):
    folder = kept / "cache/first"
    with pytest.raises(CacheError, match=named):
        ingest_recipe(folder, 3, recipe, overrides)
    assert ingest_recipe(folder, 3, recipe, overrides, replacing=True)


def test_settings_that_change_no_voxel_are_taken(kept):
    assert ingest_recipe(kept / "cache/first", 3, None, ["training.epochs=3"]).training.epochs == 3


def test_nothing_whole_is_nothing_to_keep(kept, tmp_path):
    record = (kept / "cache/first/dataset.json").read_bytes()
    (tmp_path / "first").mkdir()
    (tmp_path / "first/dataset.json").write_bytes(record)
    assert ingest_recipe(tmp_path / "first", 3, "pcrlv2-3d").name == "pcrlv2-3d"


def test_a_new_data_set_is_made_as_the_others_of_the_cache(kept, tmp_path):
    assert ingest_recipe(kept / "cache/second", 3).name == "cpu-3d"
    assert ingest_recipe(kept / "cache/second", 2).name == "pcrlv2-2d"
    assert ingest_recipe(tmp_path / "second", 3).name == "pcrlv2-3d"


def test_a_cache_of_another_size_of_images_keeps_it(tmp_path):
    for number in range(4):
        radiographs.write(tmp_path / f"first/{number}.png", radiographs.picture(number))
    options = {"cache": tmp_path / "cache", "recipe": "pcrlv2-2d", "workers": 1}
    ingest("folder", tmp_path / "first", overrides=["data.size=256"], **options)
    assert load_recipe("pcrlv2-2d").data.size != 256
    assert ingest_recipe(tmp_path / "cache/first", 2).data.size == 256
    assert ingest_recipe(tmp_path / "cache/second", 2).data.size == 256
    assert recipe_for(Cache(tmp_path / "cache")).data.size == 256
    notes = []
    assert recipe_for(Cache(tmp_path / "cache"), recipe="pcrlv2-2d", note=notes.append).data.size == 512
    assert notes == ["first was ingested with data.size = 256, recipe pcrlv2-2d is meant for 512"]
    with pytest.raises(CacheError, match=r"data.size = 256.*data.size = 512.*--cache .*--replace"):
        ingest_recipe(tmp_path / "cache/first", 2, "pcrlv2-2d")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = stored(tmp_path_factory.mktemp("mixed"))
    return stored(folder, "second", recipe=load_recipe("cpu-3d", ["data.spacing=[2, 2, 2]"])) / "cache"


def test_several_spacings_are_told_apart(mixed):
    with pytest.raises(
        RecipeError, match=r"first \(cpu-3d, 3×3×3 mm\), second \(cpu-3d, 2×2×2 mm\); choose with"
    ):
        ingest_recipe(mixed / "third", 3)
    with pytest.raises(
        RecipeError, match=r"of several spacings.* first \(3×3×3 mm\), second \(2×2×2 mm\).*--mixed"
    ):
        recipe_for(Cache(mixed))
    notes = []
    recipe_for(Cache(mixed), note=notes.append, mixed=True)
    assert "second was ingested with data.spacing = (2.0, 2.0, 2.0)" in notes[0]
    assert recipe_for(Cache(mixed), ("second",)).data.spacing == (2, 2, 2)


def test_pretrain_refuses_what_is_mixed(mixed):
    said = refused(mixed.parent, "pretrain", "--cache", "cache", "--out", "run")
    assert "a network would see one tissue at several scales" in said
    assert not (mixed.parent / "run").exists()


def test_the_next_step_names_what_it_needs(mixed):
    from pcrl_cli.next_step import next_step

    assert next_step(mixed, "first") == f"Next: pcrl pretrain --cache {mixed} --dataset first"


def test_the_next_step_can_be_typed(tmp_path):
    folder = tmp_path / "my data"
    for number in range(3):
        radiographs.write(folder / f"mine/{number}.png", radiographs.picture(number))
    done = pcrl(
        "ingest", "--layout", "folder", "--source", folder / "mine", "--cache", folder / "a [red] cache",
        "--set", "training.batch_size=8", "--set", "training.samples_per_case=1", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cache = folder / "a [red] cache"
    assert f"Next: pcrl pretrain --cache '{cache}' --set training.samples_per_case=3" in done.stdout


def test_the_loader_takes_what_is_mixed_by_choice_too(mixed):
    few = ["training.batch_size=2"]
    with pytest.raises(RecipeError, match="of several spacings"):
        Loader(mixed, "cpu-3d", overrides=few)
    assert len(Loader(mixed, "cpu-3d", overrides=few, mixed=True).selection) == 4
    with pytest.raises(TypeError, match="remove recipe, datasets, overrides and mixed"):
        Loader(Loader(mixed, "cpu-3d", overrides=few, mixed=True).selection, mixed=True)
