"""Recipes: what is read, what is refused, and how the message names it."""

import json

import pytest

from pcrl.config import RecipeError, builtin_recipes, load_recipe, recipe_from


@pytest.mark.parametrize("name", builtin_recipes())
def test_builtin_recipes_are_valid_and_say_what_they_are(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about


def test_published_numbers():
    recipe = load_recipe("pcrlv2-3d")
    assert recipe.training.epochs == 240
    assert recipe.training.batch_size == 32
    assert recipe.views.global_shape == (32, 64, 64)
    assert recipe.data.spacing == (1.0, 1.0, 1.0)
    images = load_recipe("pcrlv2-2d")
    assert (images.training.epochs, images.training.batch_size) == (240, 64)
    assert (images.views.global_shape, images.views.local_shape) == ((224, 224), (96, 96))
    # The smallest square crop of each kind has the pixels of its view, as it has in the files.
    for shape, area in (
        (images.views.global_shape, images.views.global_area),
        (images.views.local_shape, images.views.local_area),
    ):
        assert images.data.size * (area[0] * images.views.aspect[0]) ** 0.5 >= shape[0]


def test_set_overrides_and_types():
    recipe = load_recipe("pcrlv2-3d", ["training.epochs=3", "data.codec=zstd", "data.spacing=[2, 2, 2]"])
    assert (recipe.training.epochs, recipe.data.codec) == (3, "zstd")
    assert recipe.data.spacing == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("training.epoch=3", "training.epoch"),
        ("training.epochs=0", "training.epochs"),
        ("training.epochs=many", "training.epochs"),
        ("training", "KEY=VALUE"),
        ("name.x=1", "name is a value"),
        ("views.global_shape=[30, 64, 64]", "divisible by 8"),
        ("data.window=[5, 5]", "data.window"),
    ],
)
def test_bad_override_is_named(override, named):
    with pytest.raises(RecipeError, match=named.replace(".", r"\.")):
        load_recipe("pcrlv2-3d", [override])


def test_own_recipe_and_missing_ones(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepochs = 7\n")
    assert load_recipe(str(path)).name == "mine"
    path.write_text("[training\n")
    with pytest.raises(RecipeError, match="not valid TOML"):
        load_recipe(str(path))
    with pytest.raises(RecipeError, match="does not exist"):
        load_recipe(str(tmp_path / "other.toml"))
    with pytest.raises(RecipeError, match="pcrlv2-3d"):
        load_recipe("pcrlv3")


@pytest.mark.parametrize(
    ("recipe", "overrides", "name"),
    [
        ("restoration-3d", ["objective.name=pcrlv2"], "pcrlv2"),
        ("restoration-3d", ["objective.name=comparison"], "comparison"),
        ("comparison-3d", ["objective.name=masked"], "masked"),
        ("masked-3d", ["objective.name=restoration"], "restoration"),
        ("cpu-3d", ["objective.restoration=3", "objective.name=comparison"], "comparison"),
        ("cpu-3d", ["objective.name=comparison", "objective.global_cosine=3"], "comparison"),
        ("pcrlv2-3d", ["objective.global_cosine=0", "objective.local_cosine=0"], "restoration"),
        ("pcrlv2-3d", "objective.name=masked", "masked"),
    ],
)
def test_an_objective_by_name_is_that_one_whatever_it_was_before(recipe, overrides, name):
    objective = load_recipe(recipe, overrides).objective
    assert objective.name == name
    stored = json.loads(load_recipe(recipe, overrides).model_dump_json())
    assert recipe_from(stored).objective == objective
    assert recipe_from(stored, ["objective.name=pcrlv2"]).objective.name == "pcrlv2"


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ('name = "restoration"\nlocal_cosine = 2', "goes without local_cosine"),
        ('name = "pcrlv2"\nlocal_cosine = 0\nglobal_cosine = 0', "it is restoration, not pcrlv2"),
        ("restoration = 0\nmid_restoration = 0\nlocal_cosine = 0\nglobal_cosine = 0", "at least one term"),
        ('name = "lamb"', "there are pcrlv2, restoration, comparison, masked"),
        ("name = [1]", "there are pcrlv2, restoration, comparison, masked"),
        ("share = 0.5", r"objective\.share"),
        ('name = "masked"\nlocal_cosine = 1', r"objective\.local_cosine"),
    ],
)
def test_weights_that_an_objective_does_not_have_are_refused(tmp_path, objective, said):
    path = tmp_path / "mine.toml"
    path.write_text(f"[objective]\n{objective}\n")
    with pytest.raises(RecipeError, match=said):
        load_recipe(path)


def test_what_is_too_deep_to_read_is_no_recipe(tmp_path):
    deep = "[" * 3000 + "]" * 3000
    (tmp_path / "deep.toml").write_text(f"dimensions = 3\nabout = {deep}\n")
    with pytest.raises(RecipeError, match="not valid TOML"):
        load_recipe(tmp_path / "deep.toml")
    with pytest.raises(RecipeError, match="epochs"):
        load_recipe("pcrlv2-3d", [f"training.epochs={deep}"])
