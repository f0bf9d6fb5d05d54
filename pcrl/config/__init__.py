"""The settings of a run: one frozen, validated tree, read from a TOML recipe.

A number changes by setting it (`--set training.epochs=10`, or an own recipe), never by subclass.
"""

from pcrl.config.base import Codec, RecipeError, Settings, Training
from pcrl.config.images import (
    Classification,
    ImageCorruption,
    ImageData,
    ImageModel,
    ImageRecipe,
    ImageSize,
    ImageViews,
)
from pcrl.config.load import Model, Recipe, load_recipe, model_from, recipe_from
from pcrl.config.objectives import OBJECTIVES, Masked, Objective, Pcrlv2
from pcrl.config.volumes import (
    Corruption,
    Data,
    FineTuning,
    Modality,
    Size,
    Spacing,
    TissueRule,
    Views,
    VolumeModel,
    VolumeRecipe,
)
from pcrl.recipes import builtin_recipes

__all__ = [
    "OBJECTIVES",
    "Classification",
    "Codec",
    "Corruption",
    "Data",
    "FineTuning",
    "ImageCorruption",
    "ImageData",
    "ImageModel",
    "ImageRecipe",
    "ImageSize",
    "ImageViews",
    "Masked",
    "Modality",
    "Model",
    "Objective",
    "Pcrlv2",
    "Recipe",
    "RecipeError",
    "Settings",
    "Size",
    "Spacing",
    "TissueRule",
    "Training",
    "Views",
    "VolumeModel",
    "VolumeRecipe",
    "builtin_recipes",
    "load_recipe",
    "model_from",
    "recipe_from",
]
