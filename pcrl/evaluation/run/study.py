"""One evaluation from beginning to end: what is asked, who takes part, what comes out, what is written."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from pcrl.config import OBJECTIVES, ImageRecipe, Recipe, RecipeError, VolumeRecipe, load_recipe, recipe_from
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset, identity
from pcrl.evaluation.arms.choose import Chosen, choose
from pcrl.evaluation.records import request as requests
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.request import Request
from pcrl.evaluation.records.results import ArmResult, Results
from pcrl.evaluation.run.trainings import Done, Outcome, Plan, Show, evaluate
from pcrl.evaluation.tasks import IMAGES, VOLUMES
from pcrl.evaluation.tasks.question import Question
from pcrl.evaluation.tasks.task import Task
from pcrl.files import sha256_of
from pcrl.training.run_folder import versions


@dataclass(frozen=True, slots=True)
class Study:
    """An evaluation that can begin.

    Args:
        leaked: pre-training saw what is tested, and that is allowed.
    """

    request: Request
    task: Task
    chosen: Chosen
    recipe: Recipe
    leaked: bool

    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        return (*self.chosen.notes, *self.task.notes())

    def trainings(self) -> int:
        """How many networks are trained, each learning rate counted."""
        return len(self.chosen.arms) * len(self.task.places) * max(1, len(self.request.learning_rates))

    def run(self, folder: Path, device: torch.device, show: Show, done: Done) -> Results:
        """Do what is not done yet. The record that is returned is the caller's to write, after all that is made of it.

        Raises:
            FloatingPointError: a loss became NaN or infinite at every learning rate.
        """
        requests.save(self.request, folder)
        plan = Plan(self.request.learning_rates, self.request.freeze)
        outcomes = evaluate(self.task, self.chosen.arms, plan, folder, device, show, done)
        return self._results(outcomes, folder)

    def _results(self, outcomes: dict[str, dict[Place, Outcome]], folder: Path) -> Results:
        task, request = self.task, self.request
        answers = {
            arm: {place: one.answers for place, one in places.items()} for arm, places in outcomes.items()
        }
        scored = task.score(answers, folder)
        arms = tuple(
            ArmResult(
                name=arm.name,
                about=arm.about,
                checkpoint=str(arm.checkpoint) if arm.checkpoint else None,
                runs=tuple(one.run for one in outcomes[arm.name].values()),
                rows=tuple(scored.rows[arm.name]),
                cases=tuple(scored.cases[arm.name]),
            )
            for arm in self.chosen.arms
        )
        trained, _ = task.patients(task.places[0])
        return Results(
            task=task.name,
            dataset=task.dataset,
            command=request.command,
            created=datetime.now().isoformat(timespec="seconds"),
            # Of all sittings.
            seconds=sum(one.run.seconds for places in outcomes.values() for one in places.values()),
            protocol=request.protocol(),
            patients=task.describe(),
            training_patients=trained,
            test_patients=len({one.patient for one in task.tested()}),
            notes=self.notes(),
            transductive=self.leaked,
            virtual=task.virtual,
            metrics=task.metrics,
            arms=arms,
            comparisons=tuple(scored.comparisons),
            lines=tuple(scored.lines),
            pictures=tuple(scored.pictures),
            splits=tuple(task.side(place) for place in task.places),
            recipe=self.recipe.model_dump(mode="json"),
            versions=versions(),
            machine=f"{platform.platform()}, {torch.get_num_threads()} threads",
        )


def open_study(request: Request) -> Study:
    """Everything that can fail before the first training fails here.

    Raises:
        CacheError: no such data set in the cache.
        RecipeError: a recipe, or a setting, that cannot be used.
        ProtocolError: no patients on a side, no run that fits, a leak, or a cache that has changed since.
    """
    opened = _dataset(request)
    digest = _identity(opened)
    if request.identity and request.identity != digest:
        raise ProtocolError(
            f"{request.cache / request.dataset} has changed since this evaluation began: begin a new one"
        )
    recipe = _recipe(request, opened)
    chosen = choose(
        request.arms, request.checkpoints, recipe.model, request.runs, request.cache, request.controls
    )
    recipe = recipe_from(recipe.model_dump(mode="json") | {"model": chosen.model.model_dump(mode="json")})
    task = _task(request, opened, recipe)
    unchosen = [place for place in task.places if not task.chooses(place)]
    if len(request.learning_rates) > 1 and chosen.arms[0].shuffled:
        raise ProtocolError(
            "nobody chooses a learning rate for shuffled labels: give one rate, or another arm before it, whose rate "
            "it then takes"
        )
    if len(request.learning_rates) > 1 and unchosen:
        raise ProtocolError(
            f"{request.dataset} has no validation patients to choose a learning rate by ({unchosen[0]}): give one rate"
        )
    leaked = chosen.saw_test(task.tested(), request.transductive)
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
    return Study(request, task, chosen, recipe, leaked)


def _task(request: Request, opened: CachedDataset | CachedImages, recipe: Recipe) -> Task:
    question = Question(
        request.fraction, request.seeds, request.folds, request.target, request.views, request.uncertain
    )
    if isinstance(opened, CachedImages):
        assert isinstance(recipe, ImageRecipe)
        return IMAGES[request.task](opened, recipe, question)
    assert isinstance(recipe, VolumeRecipe)
    return VOLUMES[request.task](opened, recipe, question)


def _require_same(request: Request, task: Task, weights: dict[str, str]) -> None:
    """Refuse to go on with an evaluation whose weights or settings are no longer those that it began with."""
    changed = [path for path, digest in request.weights.items() if weights.get(path) != digest]
    if changed:
        raise ProtocolError(
            f"the weights of {changed[0]} have changed since this evaluation began: begin a new one (--out)"
        )
    if request.rebuild and request.rebuild != json.loads(json.dumps(task.rebuild)):
        raise ProtocolError("the recipe has changed since this evaluation began: begin a new one (--out)")


def _first(chosen: Chosen) -> set[Path]:
    """Where the weights of the pre-trained arm, and of those made from them, are."""
    made = ("permuted", "shuffled")
    return {
        arm.checkpoint
        for arm in chosen.arms
        if arm.checkpoint is not None and (arm.name.startswith("pretrained") or arm.name in made)
    }


def _identity(opened: CachedDataset | CachedImages) -> str:
    """Changes when a pixel, a label, a split or a table does."""
    if isinstance(opened, CachedImages):
        return opened.identity()
    tables = [sha256_of(path) for _, path in sorted(opened.tables.items())]
    return hashlib.sha256("".join([identity(list(opened.cases)), *tables]).encode()).hexdigest()


def _dataset(request: Request) -> CachedDataset | CachedImages:
    cache = Cache(request.cache)
    if request.dataset not in cache.names():
        how = f"pcrl ingest --dataset {request.dataset} --cache {request.cache}"
        if request.task == "classification":
            how = f"pcrl eval classification --table {request.dataset}.csv --images DIR, or {how}"
        raise CacheError(f"{request.cache} holds {', '.join(cache.names())}, not {request.dataset!r}: {how}")
    return cache.image_set(request.dataset) if request.task in IMAGES else cache.dataset(request.dataset)


def _recipe(request: Request, opened: CachedDataset | CachedImages) -> Recipe:
    """The recipe by name, or that of the cache, with the changes that are asked for."""
    stored: Recipe = opened.record.recipe
    settings = stored if request.recipe is None else load_recipe(request.recipe)
    kind = VolumeRecipe if request.task in VOLUMES else ImageRecipe
    if not isinstance(settings, kind):
        what = ("images", "volumes") if kind is VolumeRecipe else ("volumes", "images")
        raise RecipeError(f"recipe {settings.name} is for {what[0]}, {request.dataset} holds {what[1]}")
    # Whatever the recipe says: the record has to say what was read.
    tree: dict[str, Any] = settings.model_dump(mode="json") | {"data": stored.data.model_dump(mode="json")}
    if request.epochs:
        tree["finetuning"]["epochs"] = request.epochs
        if "candidates" in tree:
            tree["candidates"]["epochs"] = request.epochs
    found = recipe_from(tree, request.overrides)
    if found.data != stored.data:
        raise RecipeError(
            f"{request.cache / request.dataset} was ingested with other settings of data than --set says; for these, "
            "ingest into another --cache"
        )
    return found
