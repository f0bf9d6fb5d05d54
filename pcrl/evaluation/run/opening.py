"""From a request to an evaluation that can begin: everything that can fail before the first training fails here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pcrl.config import OBJECTIVES, Recipe, RecipeError, VolumeRecipe, load_recipe, recipe_from
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset, identity
from pcrl.evaluation.arms.choose import ChosenArms, choose
from pcrl.evaluation.cohorts.cohorts import Cohorts, Design
from pcrl.evaluation.leak.check import Allowed
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import EARLIER, Request
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.run.study import Study
from pcrl.evaluation.tasks.registry import TaskEntry, entry_of, named
from pcrl.evaluation.tasks.task import Task
from pcrl.files import sha256_of

_NOT_YET = {"fewest_steps": 0, "norm_batches": 0}
"""What evaluations did that were begun before fine-tuning had these settings."""


def open_study(request: Request, progress: Progress | None = None) -> Study:
    """Everything that can fail before the first training fails here.

    Args:
        progress: is told what takes long.

    Raises:
        CacheError: no such data set in the cache.
        RecipeError: a recipe, or a setting, that cannot be used.
        ProtocolError: no such task, no patients on a side, no run that fits, a leak, or a cache that has changed since.
    """
    entry = entry_of(request.task)
    options = entry.with_defaults(
        {o.name: request.options[o.name] for o in entry.options if o.name in request.options}
    )
    data = _dataset(request, entry)
    digest = identity_of(data)
    if request.identity and request.identity != digest:
        raise ProtocolError(
            f"{request.cache / request.dataset} has changed since this evaluation began: start a new one"
        )
    recipe = _recipe(request, entry, data)
    chosen = choose(
        request.arms, request.checkpoints, recipe.model, request.runs, request.cache, request.controls
    )
    recipe = recipe_from(recipe.model_dump(mode="json") | {"model": chosen.model.model_dump(mode="json")})
    design = Design(request.fraction, request.seeds, request.folds, options, request.validation)
    cohorts: Cohorts = named(entry.cohorts)(data, design)
    task: Task = named(entry.opens)(cohorts, recipe, options)
    if len(request.learning_rates) > 1:
        _require_choice(request, chosen, cohorts, task)
    allowed = Allowed(request.transductive, request.different_people)
    watch = progress or Progress()
    verdict = chosen.saw_test(cohorts.tested, Cache(request.cache), allowed, watch.comparing)
    weights = {str(one.path.resolve()): one.digest() for one in chosen.weights}
    _require_same(request, task, weights)
    # The newest run may be another one tomorrow.
    used = tuple(one.path.resolve() for one in chosen.weights if one.path in _first(chosen))
    controls = {
        arm.name: arm.checkpoint.resolve() for arm in chosen.arms if arm.name in OBJECTIVES and arm.checkpoint
    }
    request = request.model_copy(
        update={
            "identity": digest,
            "rebuild": task.rebuild,
            "checkpoints": request.checkpoints or used,
            "controls": controls,
            "weights": weights,
        }
    )
    return Study(request, cohorts, task, chosen, recipe, verdict)


def _require_choice(request: Request, chosen: ChosenArms, cohorts: Cohorts, task: Task) -> None:
    """Refuse several learning rates where no validation score of the first arm could choose between them."""
    if chosen.arms[0].shuffled:
        raise ProtocolError(
            "with shuffled labels there is no validation score to choose a learning rate by: give one rate, or list "
            "another arm first, whose rate is then used"
        )
    if request.validation != EARLIER:
        return  # Where nobody validates, the recipe's rate is used, and a note says so.
    if without := [replicate for replicate in cohorts.replicates if not task.can_validate(replicate)]:
        raise ProtocolError(
            f"{request.dataset} has no validation patients to choose a learning rate by ({without[0]}): give one rate"
        )


def _require_same(request: Request, task: Task, weights: dict[str, str]) -> None:
    """Refuse to go on with an evaluation whose weights or settings are no longer those that it began with."""
    changed = [path for path, digest in request.weights.items() if weights.get(path) != digest]
    if changed:
        raise ProtocolError(
            f"the weights of {changed[0]} have changed since this evaluation began: start a new one (--out)"
        )
    before = request.rebuild
    if before and request.validation == EARLIER:
        before = before | {"recipe": _by_earlier_rules(before["recipe"])}
    if before and before != json.loads(json.dumps(task.rebuild)):
        raise ProtocolError("the recipe has changed since this evaluation began: start a new one (--out)")


def _first(chosen: ChosenArms) -> set[Path]:
    """Where the weights of the pre-trained arm, and of those made from them, are."""
    made = ("permuted", "shuffled")
    return {
        arm.checkpoint
        for arm in chosen.arms
        if arm.checkpoint is not None and (arm.name.startswith("pretrained") or arm.name in made)
    }


def identity_of(data: CachedDataset | CachedImages) -> str:
    """Changes when a pixel, a label, a split or a table does."""
    if isinstance(data, CachedImages):
        return data.identity()
    tables = [sha256_of(path) for _, path in sorted(data.tables.items())]
    return hashlib.sha256("".join([identity(list(data.cases)), *tables]).encode()).hexdigest()


def _dataset(request: Request, entry: TaskEntry) -> CachedDataset | CachedImages:
    cache = Cache(request.cache)
    if request.dataset not in cache.names():
        how = f"pcrl ingest --dataset {request.dataset} --cache {request.cache}"
        if entry.dataset is None and entry.data == "images":
            how = f"pcrl eval {entry.name} --table {request.dataset}.csv --images DIR, or {how}"
        raise CacheError(f"{request.cache} holds {', '.join(cache.names())}, not {request.dataset!r}: {how}")
    return cache.image_set(request.dataset) if entry.data == "images" else cache.dataset(request.dataset)


def _recipe(request: Request, entry: TaskEntry, data: CachedDataset | CachedImages) -> Recipe:
    """The recipe by name, or that of the cache, with the changes that are asked for."""
    stored: Recipe = data.record.recipe
    settings = stored if request.recipe is None else load_recipe(request.recipe)
    kind = "volumes" if isinstance(settings, VolumeRecipe) else "images"
    if kind != entry.data:
        raise RecipeError(f"recipe {settings.name} is for {kind}, {request.dataset} holds {entry.data}")
    # Whatever the recipe says: the record has to say what was read.
    tree: dict[str, Any] = settings.model_dump(mode="json") | {"data": stored.data.model_dump(mode="json")}
    if request.epochs:
        tree["finetuning"]["epochs"] = request.epochs
        if "candidates" in tree:
            tree["candidates"]["epochs"] = request.epochs
    if request.validation == EARLIER:
        tree = _by_earlier_rules(tree)
    recipe = recipe_from(tree, request.overrides)
    if recipe.data != stored.data:
        raise RecipeError(
            f"{request.cache / request.dataset} was ingested with data settings other than those of --set (in Python: "
            "overrides): to use these, ingest into another --cache"
        )
    return recipe


def _by_earlier_rules(tree: dict[str, Any]) -> dict[str, Any]:
    """A recipe as evaluations had it that were begun before there were these settings."""
    changed = {part: tree[part] | _NOT_YET for part in ("finetuning", "candidates") if part in tree}
    return tree | changed
