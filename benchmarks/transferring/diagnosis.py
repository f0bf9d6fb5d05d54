"""Signs of life of a pre-training: is restoration learnt, is it trivial, did anything collapse, are organs found?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.loading.order import Order
from pcrl.engine.loading.ring import Ring
from pcrl.engine.volumes.render import VolumeRenderer
from transferring.features import features_at, frozen, places_in
from transferring.pretraining import State
from transferring.probe import probes
from transferring.tuning import Volume

OTHER_SEED = 77
"""Of the views that are looked at: none that was trained on."""
PLACES = 100
"""Voxels of an organ in a patient."""


def restoration(state: State, recipe: VolumeRecipe, cases: Sequence[CachedCase]) -> dict[str, Any]:
    """Squared error of restoring unseen views of unseen patients, against what needs no learning; and collapse.

    The rivals know more than the network: the view's own mean; the corrupted view, and the same blurred, under the
    best line from its values to the target's (it is z-normalised, so that a line is needed).

    Returns:
        `errors`; `spread` (near 1: projections point everywhere, 0: all one way) and `rank` (effective, of
        projections over views) of each decoder level, coarsest first.
    """
    from pcrl.models.networks import build

    training = recipe.training.model_copy(update={"epochs": 1, "seed": OTHER_SEED, "samples_per_case": 4})
    recipe = recipe.model_copy(update={"training": training})
    renderer = VolumeRenderer(tuple(cases), ("foreground",) * len(cases), recipe)
    model = build(recipe.model)
    model.load_state_dict(state)
    model.eval()
    errors: dict[str, list[float]] = {"network": [], "mean": [], "corrupted": [], "blurred": []}
    projections: list[list[Tensor]] = []
    with Ring(renderer, Order.of(renderer.groups, training), threads=2) as loader, torch.inference_mode():
        for batch in loader:
            views, target = torch.from_numpy(batch.globals[0]), torch.from_numpy(batch.target)
            outputs = model(views)
            projections.append([z.clone() for z in outputs.projections])
            errors["network"] += _error(outputs.restored, target)
            errors["mean"] += _error(target.mean(dim=(1, 2, 3, 4), keepdim=True).expand_as(target), target)
            errors["corrupted"] += _error(_best_line(views, target), target)
            blurred = functional.avg_pool3d(views, 3, 1, 1, count_include_pad=False)
            errors["blurred"] += _error(_best_line(blurred, target), target)
            batch.release()
    levels = [torch.cat(level) for level in zip(*projections, strict=True)]
    return {
        "errors": {name: float(np.mean(values)) for name, values in errors.items()},
        "spread": [spread(z) for z in levels],
        "rank": [effective_rank(z) for z in levels],
    }


def organs(
    states: dict[str, State],
    recipe: VolumeRecipe,
    train: Sequence[Volume],
    test: Sequence[Volume],
    steps: int,
) -> dict[str, Any]:
    """Both probes of the organ at a voxel on development patients, and the effective rank of features, by level."""
    rng = np.random.default_rng(OTHER_SEED)
    names = sorted(
        set(np.unique(train[0].label).tolist()).union(*(np.unique(v.label).tolist() for v in train)) - {0}
    )
    asked = [places_in(volume, names, PLACES, rng) for volume in (*train, *test)]
    found: dict[str, Any] = {}
    for arm, state in states.items():
        features = features_at(frozen(state, recipe, train), [*train, *test], asked)
        for level, rows in features.items():
            split = len(train)
            truth = np.concatenate([places.organ for places in asked[split:]])
            found.setdefault(arm, {})[level] = probes(
                rows[:split],
                [places.organ for places in asked[:split]],
                np.concatenate(rows[split:]),
                truth,
                steps,
            ) | {"rank": effective_rank(torch.from_numpy(np.concatenate(rows[split:])))}
    return found


def spread(z: Tensor) -> float:
    """Standard deviation over samples of normalised vectors, times √C: near 1 everywhere, 0 all one way."""
    return float(functional.normalize(z.float()).std(dim=0).mean() * z.shape[1] ** 0.5)


def effective_rank(rows: Tensor) -> float:
    """Exponential of the entropy of the shares of variance: as many directions as are in use (Roy and Vetterli)."""
    values = torch.linalg.svdvals(rows.double() - rows.double().mean(dim=0)).square()
    shares = values / values.sum()
    return float(torch.exp(-(shares * torch.log(shares.clamp_min(1e-12))).sum()))


def _error(guess: Tensor, target: Tensor) -> list[float]:
    return list((guess - target).square().mean(dim=(1, 2, 3, 4)).tolist())


def _best_line(values: Tensor, target: Tensor) -> Tensor:
    """Each view's values under the line that fits its target best."""
    x, y = values.flatten(1), target.flatten(1)
    dx, dy = x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True)
    slope = (dx * dy).sum(dim=1, keepdim=True) / dx.square().sum(dim=1, keepdim=True).clamp_min(1e-9)
    return (slope * dx + y.mean(dim=1, keepdim=True)).view_as(target)
