"""Messages about wrong settings: whole sentences in which no word is pydantic's."""

import re

import pytest

from pcrl.config import RecipeError, builtin_recipes, load_recipe, model_from


def said(overrides, recipe="cpu-3d"):
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe, overrides)
    message = str(caught.value)
    assert not re.search(r"pydantic|https?:|Input|Error|instance|literal|<class|Extra", message)
    return message


@pytest.mark.parametrize("recipe", builtin_recipes())
@pytest.mark.parametrize(
    ("override", "closest"),
    [
        ("epochs=1", "training.epochs"),
        ("training.epoch=3", "training.epochs"),
        ("training_epochs=3", "training.epochs"),
        ("traning.epochs=3", "training"),
        ("training.patience=3", "finetuning.patience"),
        ("finetuning.epoch=3", "finetuning.epochs"),
    ],
)
def test_a_mistyped_setting_is_answered_with_the_closest(recipe, override, closest):
    assert said([override], recipe).endswith(f" is no setting of the recipe; the closest is {closest}")


def test_a_setting_two_sections_down_has_its_full_name():
    assert said(["candidates.jitter.shft=1"]).endswith("the closest is candidates.jitter.shift")


@pytest.mark.parametrize(
    "override", ["training.foo=1", "training.steps=3", "training.foo.bar=1", "training.=1"]
)
def test_without_a_close_one_the_settings_of_the_section_are_listed(override):
    message = said([override])
    assert " is no setting of the recipe; training has epochs, samples_per_case, " in message
    assert message.endswith("checkpoint_minutes, on_corrupt and picture_every")


def test_a_section_of_the_other_kind_of_recipe_is_answered_with_those_of_this_one():
    message = said(["candidates.epochs=1"], "cpu-2d")
    assert message.startswith(
        "candidates is no setting of the recipe; it has name, about, dimensions, data, "
    )


@pytest.mark.parametrize(
    ("name", "setting", "has"),
    [
        ("masked", "restoration", "name, share and edge"),
        ("comparison", "share", "name, global_cosine and local_cosine"),
        ("pcrlv2", "share", "name, restoration, mid_restoration, global_cosine and local_cosine"),
    ],
)
def test_an_objective_says_what_it_has(name, setting, has):
    message = said([f"objective.name={name}", f"objective.{setting}=1"])
    assert message == f"objective.{setting}: the objective {name} has no such setting; it has {has}"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("views.global_shape=64", "a list of three whole numbers, such as [32, 64, 64], not 64"),
        (
            "views.global_shape=[64, 1.5]",
            "a list of three whole numbers, such as [32, 64, 64], not [64, 1.5]",
        ),
        (
            "views.global_shape=[1, 2, 3, 4]",
            "a list of three whole numbers, such as [32, 64, 64], not [1, 2, 3, 4]",
        ),
        ("views.lung_limits=3", "a list of numbers, such as [0.675, 1.0, 0.919, 0.15], not 3"),
        ("finetuning.patch=3", "a list of three whole numbers, not 3"),
        ("training.betas=x", "a list of two numbers, such as [0.9, 0.999], not 'x'"),
        ("views.global_shape=[0, 64, 64]", "greater than or equal to 1, not 0"),
        ("training=3", "a section of settings, such as training.epochs, not 3"),
        ("objective=3", "a section of settings, such as objective.name, not 3"),
        ("training.epochs=many", "a whole number, not 'many'"),
        ("training.epochs=1.5", "a whole number, not 1.5"),
        ("training.learning_rate=x", "a number, not 'x'"),
        ("training.learning_rate=0", "greater than 0, not 0"),
        ("data.antialias=7", "true or false, not 7"),
        ("name=3", "a text, not 3"),
        ("views.tissue=x", "'auto', 'foreground' or 'lung', not 'x'"),
        ("dimensions=5", "one of 3, 2, not 5"),
    ],
)
def test_a_wrong_value_says_what_was_expected(override, expected):
    assert re.fullmatch(
        rf"{override.partition('=')[0]}(\.\d)? must be {re.escape(expected)}", said([override])
    )


def test_lists_of_lists():
    assert "must be a list of lists of three whole numbers, such as [[64, 96, 96], " in said(
        ["views.global_boxes=[3]"]
    )


def test_what_does_not_fit_together_keeps_its_own_words():
    assert said(["training.warmup_epochs=99"]).startswith("training: warmup_epochs = 99 must be below epochs")


def test_several_wrong_settings_are_several_sentences():
    message = said(["training.epochs=0", "epoch=1"])
    assert message == (
        "training.epochs must be greater than or equal to 1, not 0. "
        "epoch is no setting of the recipe; the closest is training.epochs"
    )


@pytest.mark.parametrize("overrides", [{"training.epochs": 3}, 5, None])
def test_overrides_are_a_list(overrides):
    assert said(overrides).startswith('overrides are a list of texts, such as ["training.epochs=10"], not ')


@pytest.mark.parametrize("override", [3, ("training.epochs", 3), "training.epochs"])
def test_an_override_is_a_text_with_a_value(override):
    assert (
        "expected KEY=VALUE, such as training.epochs=10; from Python, overrides are a list of such texts"
        in said([override])
    )


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "network is missing"),
        ({"network": "resnet"}, "network must be one of nsunet3d, nsunet2d, not 'resnet'"),
        ({"network": "nsunet3d", "width": 3}, "width must be a multiple of 2, not 3"),
        (3, "expected a table of settings, not 3"),
    ],
)
def test_a_network_that_is_none(tree, message):
    with pytest.raises(RecipeError, match=f"^{message}$"):
        model_from(tree)
