"""From the folder of an evaluation to an external test that can begin: what can fail, fails here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pcrl.config import Recipe
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.dataset import CachedDataset
from pcrl.evaluation.cohorts.cohorts import Cohorts
from pcrl.evaluation.external.cohorts import ExternalCohorts
from pcrl.evaluation.external.request import ExternalRequest
from pcrl.evaluation.external.study import ExternalStudy
from pcrl.evaluation.leak.check import Allowed, Seen, Verdict, check_leak
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.kept import kept_weights
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.request import Request, load_request
from pcrl.evaluation.records.results import RESULTS
from pcrl.evaluation.run.folders import EVALUATIONS
from pcrl.evaluation.run.opening import identity_of, open_study
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.run.study import Study
from pcrl.evaluation.run.trainings import RUNS
from pcrl.evaluation.tasks.registry import TaskEntry, entry_of, named
from pcrl.evaluation.tasks.task import Elsewhere, OpenedElsewhere, Task
from pcrl.files import sha256_of

_PREPARED = {
    "volumes": ("spacing", "antialias", "window", "percentiles"),
    "images": ("size", "longest", "bits"),
}
"""Settings of a recipe's `data` that change what a network is shown; the others are of storage."""
OTHERS = (
    "Test other patients: --test-patients test takes those that the data set holds back itself, whom pcrl pretrain "
    "leaves out"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """An external test that can begin, and what was asked, with the digests of what it is of."""

    study: ExternalStudy
    asked: ExternalRequest


def finished_evaluation(run: Path | None, task: str) -> Path:
    """The folder of a finished evaluation: `run`, or the newest of the task in `EVALUATIONS`.

    Raises:
        ProtocolError: it has not ended, is of another task, or there is none.
    """
    if run is None:
        ended = sorted(EVALUATIONS.glob(f"*/{RESULTS}"), key=lambda path: path.stat().st_mtime, reverse=True)
        run = next((path.parent for path in ended if load_request(path.parent).task == task), None)
        if run is None:
            raise ProtocolError(
                f"no finished evaluation of {task} in ./{EVALUATIONS}: give --run, or make one with pcrl eval {task}"
            )
    request = load_request(run)
    if request.task != task:
        raise ProtocolError(
            f"{run} is of {request.task}, not of {task}: pcrl eval {request.task} --run {run} …"
        )
    if not (run / RESULTS).is_file():
        raise ProtocolError(f"{run} has not ended: go on with pcrl eval {task} --out {run} --resume")
    return run


def open_external(asked: ExternalRequest, progress: Progress) -> Opened:
    """The networks of an evaluation, and the patients of another data set.

    Raises:
        CacheError: no such data set in the evaluation's cache.
        ProtocolError: the evaluation's data or weights have changed since, data that were prepared otherwise, no label
            that the networks know, or a leak.
    """
    request = load_request(asked.evaluation)
    entry = entry_of(request.task)
    if asked.dataset == request.dataset:
        raise ProtocolError(
            f"{asked.dataset} is what {asked.evaluation} is of: its test patients are scored there already"
        )
    other = _dataset(request, entry, asked.dataset)
    trained = open_study(request, progress)
    _require_prepared_alike(trained.recipe, other, entry)
    training_of = {
        Replicate(number) if replicate.fold is not None else replicate: replicate
        for number, replicate in enumerate(trained.cohorts.replicates)
    }
    where = Elsewhere(tuple(training_of), asked.tested, asked.same_labels, request.options)
    opened: OpenedElsewhere[Cohorts, Task] = named(entry.elsewhere)(trained.task, other, where)
    unit = "image" if entry.data == "images" else "case"
    names = request.dataset, other.name
    cohorts = ExternalCohorts(trained.cohorts, opened.cohorts, names, unit, training_of)
    verdict = _verdict(trained, cohorts, asked, progress)
    networks = {
        folder.name: sha256_of(kept_weights(folder))
        for arm in trained.chosen.arms
        for folder in (asked.evaluation / RUNS / f"{arm.name}-{each}" for each in training_of.values())
    }
    study = _study(trained, cohorts, opened, verdict, asked)
    return Opened(study, asked.model_copy(update={"identity": identity_of(other), "networks": networks}))


def _study(
    trained: Study,
    cohorts: ExternalCohorts,
    opened: OpenedElsewhere[Cohorts, Task],
    verdict: Verdict,
    asked: ExternalRequest,
) -> ExternalStudy:
    request = trained.request.model_copy(update={"command": asked.command, "dataset": asked.dataset})
    return ExternalStudy(
        request, cohorts, opened.task, trained.chosen, trained.recipe, verdict,
        evaluation=asked.evaluation, trained_on=trained.request.dataset, training_of=cohorts.training_of,
        notes_on_labels=opened.notes,
    )  # fmt: skip


def _verdict(trained: Study, cohorts: ExternalCohorts, asked: ExternalRequest, progress: Progress) -> Verdict:
    """Neither fine-tuning nor pre-training may have seen who is tested; the latter can be allowed."""
    cache = Cache(trained.request.cache)
    allowed = Allowed(asked.transductive, asked.different_people)
    learnt = cohorts.learnt_from()
    whose = f"the fine-tuning of {asked.evaluation}"
    own = Seen(whose, learnt, frozenset(learnt.patients), "Test other patients", excusable=False)
    tested = cohorts.tested()
    fine = check_leak(own, tested, cache, allowed, progress.comparing)
    pre = trained.chosen.saw_test(lambda: tested, cache, allowed, progress.comparing, OTHERS)
    return Verdict(pre.saw, tuple(dict.fromkeys((*fine.notes, *pre.notes))))


def _dataset(request: Request, entry: TaskEntry, name: str) -> CachedDataset | CachedImages:
    cache = Cache(request.cache)
    if name not in cache.names():
        raise CacheError(
            f"{request.cache}, the cache of the evaluation, holds {', '.join(cache.names())}, not {name!r}: "
            f"pcrl ingest --dataset {name} --cache {request.cache}"
        )
    images = bool(cache.image_sets((name,)))
    if images != (entry.data == "images"):
        raise ProtocolError(
            f"{entry.name} is of {entry.data}, and {name} holds {'images' if images else 'volumes'}"
        )
    return cache.image_set(name) if images else cache.dataset(name)


def _require_prepared_alike(recipe: Recipe, other: CachedDataset | CachedImages, entry: TaskEntry) -> None:
    """Refuse data on another grid, or in another window, than the networks know."""
    ours, theirs = (one.data.model_dump(mode="json") for one in (recipe, other.record.recipe))
    differing = [
        f"data.{name} is {theirs[name]} there, {ours[name]} here"
        for name in _PREPARED[entry.data]
        if ours[name] != theirs[name]
    ]
    if differing:
        raise ProtocolError(
            f"{other.name} was ingested otherwise than the networks' data: {'; '.join(differing)}. Ingest it again, "
            "with --replace and the recipe and --set of the other data set"
        )
