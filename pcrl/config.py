"""The settings of a run: one frozen, validated tree, read from a TOML recipe.

Sizes and positions are in (z, y, x) order, spacings in millimetres, angles in degrees. A number changes by setting it
(`--set training.epochs=10`, or an own recipe), never by subclass.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Size = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
Spacing = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
Modality = Literal["ct", "mr"]
TissueRule = Literal["foreground", "lung"]
Codec = Literal["lz4", "zstd"]


class RecipeError(ValueError):
    """A recipe or a `--set` that cannot be used; the message names the key and what was expected."""


class Settings(BaseModel):
    """Base of every node of the tree: immutable, and an unknown key is an error rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Settings):
    """What ingest does to a scan; a change here means another cache."""

    spacing: Spacing = (1.0, 1.0, 1.0)
    """Grid of the cache in mm; published: 1 mm isotropic."""
    antialias: bool = False
    """Average what lies between two voxels of a coarser grid; published: plain linear interpolation."""
    window: tuple[float, float] = (-1000.0, 1000.0)
    """CT: Hounsfield units kept; scaled to [0, 1] when read."""
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Other modalities: percentiles of the foreground that are kept."""
    chunk: Annotated[int, Field(ge=8, le=256)] = 32
    """Edge of a cubic chunk in voxels."""
    codec: Codec = "lz4"
    """Inner codec of a chunk: lz4 for speed, zstd for disk."""

    @model_validator(mode="after")
    def _ordered(self) -> Data:
        if not self.window[0] < self.window[1]:
            raise ValueError(f"data.window must rise, got {self.window}")
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"data.percentiles must rise within [0, 100], got {self.percentiles}")
        return self


class Views(Settings):
    """How views are cut: published boxes, reversed from (x, y, z) to (z, y, x)."""

    global_boxes: tuple[Size, ...] = ((64, 96, 96), (96, 96, 96), (64, 112, 112), (32, 64, 64))
    global_shape: Size = (32, 64, 64)
    margin: tuple[int, int, int] = (15, 70, 70)
    """Upper limit of the distance of a global box from the volume's faces."""
    minimum_iou: Annotated[float, Field(ge=0, lt=1)] = 0.3
    local_boxes: tuple[Size, ...] = ((16, 32, 32), (16, 16, 16), (32, 32, 32), (8, 8, 8))
    local_shape: Size = (16, 16, 16)
    locals: Annotated[int, Field(ge=0)] = 6
    draws: Annotated[int, Field(ge=1)] = 50
    """Draws of a global pair before the best so far is taken, and counted."""
    tissue: Literal["auto"] | TissueRule = "auto"
    """`auto` is `lung` for LUNA16 and `foreground` for everything else."""
    lung_limits: tuple[float, ...] = (0.675, 1.0, 0.919, 0.15)
    """Rule `lung`: share of dense voxels above which a box of each size is refused (published, in effect)."""
    foreground_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    flip_probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    scale: tuple[float, float] = (0.9, 1.1)
    angle: Annotated[float, Field(ge=0, le=180)] = 10.0


class Corruption(Settings):
    """What is done to a view after the restoration target was taken."""

    blur_sigma: Annotated[float, Field(ge=0, le=4)] = 2.0
    """Upper limit of the Gaussian's σ in voxels, drawn per axis."""
    noise_sigma: Annotated[float, Field(ge=0)] = 0.25
    log_gamma: Annotated[float, Field(ge=0)] = 0.3
    swaps: Annotated[int, Field(ge=0)] = 100
    """Pairs of blocks swapped, in sequence; globals only."""
    swap_block: Size = (4, 4, 8)


class Model(Settings):
    """The network. The defaults are the published nsUNet 3D."""

    network: Literal["nsunet3d"] = "nsunet3d"
    width: Annotated[int, Field(ge=2, multiple_of=2)] = 64
    """Channels of the finest level; each level down doubles them."""
    levels: Annotated[int, Field(ge=2, le=6)] = 4
    head: Literal["published", "paper"] = "published"
    """Restoration head: Conv–BN–Sigmoid as in the published code, or Conv–BN–ReLU–Conv as in the paper."""


class Objective(Settings):
    """The weight of each term of the loss."""

    restoration: Annotated[float, Field(ge=0)] = 1.0
    mid_restoration: Annotated[float, Field(ge=0)] = 1.0
    global_cosine: Annotated[float, Field(ge=0)] = 1.0
    local_cosine: Annotated[float, Field(ge=0)] = 1.0

    @model_validator(mode="after")
    def _something(self) -> Objective:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("objective: at least one term needs a weight above 0")
        return self


class Training(Settings):
    """Pre-training: SGD with a cosine per epoch to 0."""

    epochs: Annotated[int, Field(ge=1)] = 240
    samples_per_case: Annotated[int, Field(ge=1)] = 16
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    loader_threads: Annotated[int, Field(ge=0)] = 0
    """0: as many as there are cores."""
    window: Annotated[int, Field(ge=0)] = 64
    """Cases that samples are drawn across at a time; 0: all. What is outside need not be open, nor in memory."""
    ahead: Annotated[int, Field(ge=1)] = 4
    """Batches prepared ahead of the step."""
    log_every: Annotated[int, Field(ge=1)] = 10
    """Steps between two logged lines; nothing else waits for the device."""
    picture_every: Annotated[int, Field(ge=1)] = 5
    """Epochs between two pictures of views, their corruption and their restoration."""


class FineTuning(Settings):
    """Fine-tuning and scoring of a segmentation network."""

    patch: Size = (96, 96, 96)
    window: tuple[float, float] | None = None
    """CT: Hounsfield units scaled to [0, 1]; none: the window of the cache."""
    epochs: Annotated[int, Field(ge=1)] = 100
    samples_per_case: Annotated[int, Field(ge=1)] = 8
    batch_size: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    halve_every: Annotated[int, Field(ge=1)] = 50
    """Epochs between two halvings of the learning rate (published: StepLR(50, 0.5))."""
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share by which the windows of sliding-window inference overlap."""


class Recipe(Settings):
    """All settings of one line of work, from the scan to the score."""

    name: str
    about: str = ""
    dimensions: Literal[3] = 3
    data: Data = Data()
    views: Views = Views()
    corruption: Corruption = Corruption()
    model: Model = Model()
    objective: Objective = Objective()
    training: Training = Training()
    finetuning: FineTuning = FineTuning()

    @model_validator(mode="after")
    def _divisible(self) -> Recipe:
        factor = 2 ** (self.model.levels - 1)
        sizes = {
            "views.global_shape": self.views.global_shape,
            "views.local_shape": self.views.local_shape,
            "finetuning.patch": self.finetuning.patch,
        }
        for key, size in sizes.items():
            if any(edge % factor for edge in size):
                raise ValueError(
                    f"{key} = {size} must be divisible by {factor} for {self.model.levels} levels"
                )
        if len(self.views.lung_limits) != len(self.views.global_boxes):
            raise ValueError("views.lung_limits needs one number for each of views.global_boxes")
        for axis, (edge, block) in enumerate(
            zip(self.views.global_shape, self.corruption.swap_block, strict=True)
        ):
            if block > edge:
                raise ValueError(f"corruption.swap_block is larger than a view on axis {axis}")
        return self


def builtin_recipes() -> list[str]:
    """Names of the recipes that come with pcrl."""
    folder = resources.files("pcrl") / "recipes"
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe by built-in name or path of a TOML file, with `KEY=VALUE` overrides applied.

    Raises:
        RecipeError: unknown recipe, unreadable TOML, unknown key or a value out of range.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"recipe file {path} does not exist")
        text, stem = path.read_text(encoding="utf-8"), path.stem
    elif name in builtin_recipes():
        text = (resources.files("pcrl") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
        stem = name
    else:
        raise RecipeError(
            f"no recipe {name!r}: give one of {', '.join(builtin_recipes())}, or the path of a .toml file"
        )
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name}: not valid TOML: {error}") from error
    tree.setdefault("name", stem)
    return recipe_from(tree, overrides)


def recipe_from(tree: dict[str, Any], overrides: Iterable[str] = ()) -> Recipe:
    """Validate a tree of plain values (from TOML or JSON), with `KEY=VALUE` overrides applied."""
    for override in overrides:
        _apply(tree, override)
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'recipe'}: {item['msg']}" for item in error.errors()]
        raise RecipeError("; ".join(lines)) from error


def _apply(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise RecipeError(f"--set {override}: expected KEY=VALUE, such as training.epochs=10")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, leaf = key.strip().split(".")
    node = tree
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise RecipeError(f"--set {override}: {parent} is a value, not a section")
    node[leaf] = value
