"""What is wrong with a recipe, in sentences that name the setting, what was found and what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError

from pcrl.config.base import Settings
from pcrl.config.images import ImageModel, ImageRecipe
from pcrl.config.objectives import settings_of
from pcrl.config.volumes import VolumeModel, VolumeRecipe

_KINDS: dict[object, type[Settings]] = {
    3: VolumeRecipe,
    2: ImageRecipe,
    "nsunet3d": VolumeModel,
    "nsunet2d": ImageModel,
}
"""What the first part of an error's location stands for."""
_PLAIN = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text"}
"""How the types of pydantic's errors begin → what was expected."""
_COUNTS = {2: "two ", 3: "three "}
_ALIKE = 0.75
"""Names that are less alike than this are not taken for a slip of the pen."""


def explained(error: ValidationError, tree: Mapping[str, Any]) -> str:
    """A sentence for everything that is wrong with a recipe, or the settings of a network."""
    return ". ".join(dict.fromkeys(_sentence(item, tree) for item in error.errors(include_url=False)))


def _sentence(item: Mapping[str, Any], tree: Mapping[str, Any]) -> str:
    word, message, found = item["type"].split("_")[0], item["msg"], item["input"]
    if word == "union":
        context = item["ctx"]
        key, expected = context["discriminator"].strip("'"), context.get("expected_tags", "").replace("'", "")
        return f"{key} must be one of {expected}, not {tree.get(key)!r}" if expected else f"{key} is missing"
    if not item["loc"]:
        return f"expected a table of settings, not {found!r}"
    tag, *parts = item["loc"]
    if parts[:1] == ["objective"]:
        del parts[1:2]  # It says which one.
    kind, key = _KINDS[tag], ".".join(map(str, parts))
    if word == "extra":
        return _no_setting(kind, key, tree)
    if word == "model":
        names = dict(_sections(kind, tree))[key]
        return f"{key} must be a section of settings, such as {key}.{names[0]}, not {found!r}"
    if word in {"tuple", "too", "missing", *_PLAIN} and (list_ := _list_expected(kind, parts, tree)):
        return list_
    if word == "missing":
        return f"{key} is missing"
    if word == "value":
        return f"{key or 'recipe'}: {item['ctx']['error']}"
    expected = _PLAIN.get(word) or message.removeprefix("Input should be ")
    return f"{key} must be {expected}, not {found!r}"


def _no_setting(kind: type[Settings], key: str, tree: Mapping[str, Any]) -> str:
    """The closest setting, first of the same section, then of all; or else those of the section."""
    sections = dict(_sections(kind, tree))
    section, _, wrong = key.rpartition(".")
    has = f"has {_listed(sections[section])}"
    if section == "objective":
        return f"{key}: the objective {settings_of(tree[section])[0]} has no such setting; it {has}"
    places = {section: sections[section]} | sections
    names = [f"{place}.{name}".lstrip(".") for place, names in places.items() for name in names]
    alike = {name: max(_alike(wrong, name.rpartition(".")[2]), _alike(wrong, name)) for name in names}
    closest = max(alike, key=alike.__getitem__)
    if alike[closest] >= _ALIKE:
        return f"{key} is no setting of the recipe; the closest is {closest}"
    return f"{key} is no setting of the recipe; {section or 'it'} {has}"


def _sections(kind: type[Settings], tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every section with its settings, the recipe itself first; the objective is the one that was asked for."""
    yield at, list(kind.model_fields)
    for name, field in kind.model_fields.items():
        key, below = f"{at}.{name}".lstrip("."), field.annotation
        if name == "objective":
            yield key, settings_of(tree.get(name))[1]
        elif isinstance(below, type) and issubclass(below, Settings):
            yield from _sections(below, tree, key)


def _list_expected(kind: Any, parts: list[int | str], tree: Any) -> str | None:
    """What is wrong with a list as a whole; None if the setting is none."""
    names = [part for part in parts if isinstance(part, str)]
    for name in names:
        if name not in getattr(kind, "model_fields", {}):
            return None
        field, tree = kind.model_fields[name], tree.get(name)
        kind = field.annotation
    if not (numbers := _numbers(kind)):
        return None
    example = f", such as {json.dumps(field.default)}" if field.default is not None else ""
    return f"{'.'.join(names)} must be a list of {numbers}{example}, not {tree!r}"


def _numbers(kind: Any) -> str:
    """`three whole numbers`, `lists of two numbers`; nothing if it is no list."""
    if get_origin(kind) is not tuple:
        return next(filter(None, map(_numbers, get_args(kind))), "") if type(None) in get_args(kind) else ""
    item, *rest = get_args(kind)
    if get_origin(item) is Annotated:
        item = get_args(item)[0]
    inner = _numbers(item)
    what = f"lists of {inner}" if inner else "whole numbers" if item is int else "numbers"
    return ("" if rest == [...] else _COUNTS[1 + len(rest)]) + what


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _listed(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
