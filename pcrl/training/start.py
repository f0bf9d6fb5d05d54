"""The weights before the first step: where they come from, and what is known of what they saw."""

from __future__ import annotations

from pathlib import Path

from pcrl.config import ImageModel, Model, Recipe
from pcrl.models.weights.folder import Weights, load_weights
from pcrl.models.weights.published import IMAGENET, WeightsError, read_published
from pcrl.training.records.checkpoint import checkpoints
from pcrl.training.records.run_folder import CHECKPOINTS, Start, read, run_of


def open_start(init: Path | None, recipe: Recipe) -> tuple[Weights | None, Start]:
    """Weights to start from, and what to say of them.

    Args:
        init: a run, a checkpoint, a folder of imported weights, or a file of `torch.save`: a published checkpoint, or
            a torchvision ResNet-18. None for fresh weights.

    Raises:
        WeightsError: no weights there, damaged ones, or those of another network than the recipe's.
        pcrl.training.records.run_folder.RunError: the run that the weights are of is damaged.
    """
    if init is None:
        return None, Start(f"fresh weights, seed {recipe.training.seed}", fresh=True)
    if not init.exists():
        raise WeightsError(
            f"{init}: no such file or folder; --init takes a run of `pcrl pretrain`, a checkpoint of one, a folder "
            "that `pcrl import-weights` wrote, a published checkpoint of PCRLv2, or torchvision's resnet18"
        )
    found = checkpoints(init / CHECKPOINTS)
    path = found[-1] if found else init
    weights = _read_file(path) if path.is_file() else load_weights(path)
    if weights.model != recipe.model:
        raise WeightsError(
            f"{path} holds weights of {_named(weights.model)}, but the recipe {recipe.name} needs "
            f"{_named(recipe.model)}: give other weights with --init, or another --recipe"
        )
    run = run_of(path) if path.is_dir() else None
    # ImageNet holds photographs of everyday things, so that no patient of anybody's test set went into such weights.
    # What was seen by other weights that are of no run here, published ones included, nobody can tell.
    no_patients = weights.source.get("origin") == IMAGENET
    words = _words(path, weights)
    return weights, Start(words, fresh=False, run=read(run) if run else None, no_patients=no_patients)


def _read_file(path: Path) -> Weights:
    found = read_published(path)
    return Weights(found.model, found.weights, {"file": path.name, "origin": found.origin}, found.part)


def _named(model: Model) -> str:
    kind = "2D network" if isinstance(model, ImageModel) else "3D network"
    return f"a {kind} ({model})"


def _words(path: Path, weights: Weights) -> str:
    rest = ", decoder fresh" if weights.part == "encoder" else ""
    origin = weights.source.get("origin")
    if origin == IMAGENET:
        return f"ImageNet weights of {path} (torchvision resnet18){rest}"
    return f"weights of {path}{f' ({origin})' if origin else ''}{rest}"
