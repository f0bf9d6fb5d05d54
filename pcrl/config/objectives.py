"""What pre-training learns from: the settings of each objective. `training/objectives/` has a file for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pcrl.config.base import RecipeError, Settings

Weight = Annotated[float, Field(ge=0)]


class ObjectiveSettings(Settings):
    """Base of the settings of every objective."""

    @property
    def is_control(self) -> bool:
        """Whether a run of it is there to be compared with, and not the one to fine-tune by default."""
        return False


class Pcrlv2(ObjectiveSettings):
    """The weight of each term of PCRLv2's loss. Without the weights of one side it is a control, with its own name."""

    restoration: Weight = 1.0
    mid_restoration: Weight = 1.0
    global_cosine: Weight = 1.0
    local_cosine: Weight = 1.0

    @model_validator(mode="before")
    @classmethod
    def _named(cls, tree: Any) -> Any:
        """`name = "restoration"` is short for weights of 0 on the other side; stored are the weights alone."""
        if not isinstance(tree, dict) or "name" not in tree:
            return tree
        name, without = tree["name"], _WITHOUT.get(tree["name"], ())
        if given := [term for term in without if tree.get(term)]:
            raise ValueError(f"{name} goes without {given[0]}, which has a weight of {tree[given[0]]}")
        weights = {key: value for key, value in tree.items() if key != "name"} | dict.fromkeys(without, 0.0)
        if _name_of(weights) != name and any(weights.get(term, 1) for term in cls.model_fields):
            raise ValueError(f"with these weights it is {_name_of(weights)}, not {name}")
        return weights

    @model_validator(mode="after")
    def _something(self) -> Pcrlv2:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("at least one term needs a weight above 0")
        return self

    @property
    def name(self) -> Literal["pcrlv2", "restoration", "comparison"]:
        """Restoration and comparison, or one of them only."""
        return _name_of(self.model_dump())

    @property
    def is_control(self) -> bool:
        """Without one side it is there to be compared with."""
        return self.name != "pcrlv2"


class Masked(ObjectiveSettings):
    """Masked restoration: blocks of the input are hidden, and the error counts where they were."""

    name: Literal["masked"] = "masked"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Of the blocks that are hidden."""
    edge: Annotated[int, Field(ge=1)] = 8
    """Of a block, in voxels or pixels; divides every axis of a global view."""


_WITHOUT = {
    "restoration": ("global_cosine", "local_cosine"),
    "comparison": ("restoration", "mid_restoration"),
}
"""Name of a control → the terms that it does without."""
_SETTINGS: dict[str, type[ObjectiveSettings]] = {
    "pcrlv2": Pcrlv2,
    "restoration": Pcrlv2,
    "comparison": Pcrlv2,
    "masked": Masked,
}
OBJECTIVES = tuple(_SETTINGS)
"""Names of all objectives."""


def _name_of(weights: Mapping[str, Any]) -> Literal["pcrlv2", "restoration", "comparison"]:
    """What PCRLv2 is called with some weights; those that are not given are not 0."""
    without = {name for name, terms in _WITHOUT.items() if not any(weights.get(term, 1) for term in terms)}
    return (
        "restoration" if "restoration" in without else "comparison" if "comparison" in without else "pcrlv2"
    )


def _tag(value: Any) -> str:
    name = value.get("name", "pcrlv2") if isinstance(value, dict) else getattr(value, "name", "pcrlv2")
    return _SETTINGS[name].__name__ if name in _SETTINGS else str(name)


Objective = Annotated[
    Annotated[Pcrlv2, Tag("Pcrlv2")] | Annotated[Masked, Tag("Masked")], Discriminator(_tag)
]


def check_name(section: dict[str, Any]) -> None:
    """Refuse a name that no objective has.

    Raises:
        RecipeError: it says which there are.
    """
    name = section.get("name", "pcrlv2")
    if name not in OBJECTIVES:
        raise RecipeError(f"objective.name = {name!r}: there are {', '.join(OBJECTIVES)}")


def renamed(section: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings of an objective turned into those of another one: what both have stays."""
    check_name({"name": name})
    apart = {*_WITHOUT.get(str(section.get("name", _name_of(section))), ()), *_WITHOUT.get(name, ())}
    both = _SETTINGS[name].model_fields.keys() - apart
    return {key: value for key, value in section.items() if key in both} | {"name": name}


def settings_of(section: Any) -> tuple[str, list[str]]:
    """Name of the objective that a section means, and the names of its settings."""
    section = section if isinstance(section, dict) else {}
    name = section.get("name", _name_of(section))
    names = dict.fromkeys(("name", *_SETTINGS[name].model_fields))
    return name, [each for each in names if each not in _WITHOUT.get(section.get("name"), ())]
