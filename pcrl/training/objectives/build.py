"""From the settings of a recipe to its objective."""

from __future__ import annotations

from importlib import import_module

from pcrl.config import Recipe
from pcrl.models.networks import Network
from pcrl.training.objectives.objective import Objective


def build_objective(recipe: Recipe, network: Network) -> Objective:
    """The objective of a recipe: what the file of this folder that is called as it is
    names as `build`.

    Args:
        network: that it will train, with its first weights.
    """
    module = import_module(f"pcrl.training.objectives.{recipe.objective.name}")
    objective: Objective = module.build(recipe, network)
    return objective
