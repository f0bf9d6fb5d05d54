"""From files to cache: what has to be done, and doing it, one process a case."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pcrl.config import Data, Modality, VolumeRecipe
from pcrl.datasets.case import Case, Dataset
from pcrl.engine import splits
from pcrl.engine.cache.commit import discard_uncommitted, is_committed, is_part_of, write_text
from pcrl.engine.cache.format import (
    CASE_RECORD,
    DATASET_RECORD,
    FORMAT,
    LABEL_RECORD,
    CacheError,
    CaseEntry,
    CaseRecord,
    DatasetRecord,
    LabelRecord,
    SourceFile,
    Storage,
    dumps,
    load,
)
from pcrl.engine.cache.lock import at_work, wait_for_workers
from pcrl.engine.cache.volumes.store import store_of
from pcrl.engine.cache.volumes.tables import bring, outdated
from pcrl.engine.volumes.ingest.source import fingerprint, same_file, voxels_after

Action = Literal["image", "label", "unlabel", "nothing"]
SECONDS_PER_VOXEL = 3e-8
"""Order of magnitude of reading, resampling and writing one voxel of the cache on one core; measured on a CT."""
BYTES_PER_VOXEL = 1.6
"""Stored, image and label: an upper limit; CT takes about 0.9 with lz4."""


@dataclass(frozen=True, slots=True)
class Task:
    """What has to be done for one case, and why."""

    case: Case
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task: `error` is empty if it went well."""

    task: Task
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an ingest would do, before it does anything."""

    dataset: Dataset
    folder: Path
    data: Data
    forced: Modality | None
    record: DatasetRecord
    tasks: tuple[Task, ...]
    tables: tuple[Path, ...]
    """Tables of the data set that the cache does not hold as they are now."""
    notes: tuple[str, ...]
    voxels: int
    """Voxels that the new images will have in the cache."""

    @property
    def todo(self) -> tuple[Task, ...]:
        """The tasks that do something."""
        return tuple(task for task in self.tasks if task.action != "nothing")

    @property
    def bytes_needed(self) -> int:
        """Estimated disk space."""
        return int(self.voxels * BYTES_PER_VOXEL)

    def seconds_needed(self, workers: int) -> float:
        """Estimated time with this many workers."""
        return self.voxels * SECONDS_PER_VOXEL / max(1, min(workers, len(self.todo)))


def plan(
    dataset: Dataset,
    cache: Path,
    recipe: VolumeRecipe,
    forced: Modality | None = None,
    storage: Storage | None = None,
) -> Plan:
    """Compare a data set with what is in the cache.

    Args:
        storage: None for what the data set is in the cache already, zarr if it is new.

    Raises:
        CacheError: what is in the cache, or a table, cannot be read; the cache is of another format.
    """
    folder = cache / dataset.name
    assigned, notes = splits.assign(dataset.cases)
    entries = {
        case.name: CaseEntry(
            patient=case.patient, split=assigned[case.name], fold=case.fold, virtual=case.virtual
        )
        for case in dataset.cases
    }
    known = folder / DATASET_RECORD
    if known.exists():
        # Cases that are no longer in the source stay in the cache.
        old = load(DatasetRecord, known)
        entries = old.cases | entries
        if storage not in (None, old.storage):
            raise CacheError(
                f"{folder} holds {old.storage}: leave --format away, or copy it as {storage} with "
                f"`pcrl cache copy {cache} NEW --format {storage}`"
            )
        storage = old.storage
    record = DatasetRecord(
        format=FORMAT,
        name=dataset.name,
        recipe=recipe,
        tissue=dataset.tissue,
        split_seed=splits.SEED,
        storage=storage or "zarr",
        label_names=dict(dataset.label_names),
        cases=dict(sorted(entries.items())),
    )
    tasks = tuple(
        _task(case, dataset, folder / "cases" / case.name, recipe.data, forced) for case in dataset.cases
    )
    voxels = sum(voxels_after(t.case.images, recipe.data.spacing) for t in tasks if t.action == "image")
    tables = outdated(dataset.tables, folder)
    return Plan(dataset, folder, recipe.data, forced, record, tasks, tables, (*dataset.notes, *notes), voxels)


def _task(case: Case, dataset: Dataset, folder: Path, data: Data, forced: Modality | None) -> Task:
    if not is_committed(folder):
        return Task(case, "image", "new")
    record = load(CaseRecord, folder / CASE_RECORD)
    if record.settings != data or (forced or record.forced_modality) != record.forced_modality:
        return Task(case, "image", "settings changed")
    stored = {source.path: source for source in record.sources}
    for path in case.images:
        name = _relative(path, dataset.source)
        if name not in stored or not same_file(path, stored[name]):
            return Task(case, "image", "source file changed")
    labelled = is_part_of(folder, LABEL_RECORD)
    if case.label is None:
        return Task(case, "unlabel", "label removed") if labelled else Task(case, "nothing", "already there")
    if not labelled:
        return Task(case, "label", "label added")
    old = load(LabelRecord, folder / LABEL_RECORD).source
    if old.path != _relative(case.label, dataset.source) or not same_file(case.label, old):
        return Task(case, "label", "label changed")
    return Task(case, "nothing", "already there")


def run(plan: Plan, workers: int) -> Iterator[Outcome]:
    """Do the plan: the record, the tables, then the cases, whose outcomes come as they are ready.

    The caller holds the data set's lock. A case that fails is named in its outcome, and the others go on.
    """
    cases = plan.folder / "cases"
    cases.mkdir(parents=True, exist_ok=True)
    wait_for_workers(plan.folder)
    for leftover in [*cases.glob(".*.partial"), *cases.glob(".*.old")]:
        shutil.rmtree(leftover)
    for folder in cases.iterdir():
        if is_committed(folder):
            discard_uncommitted(folder)
    write_text(plan.folder / DATASET_RECORD, dumps(plan.record))
    bring(plan.tables, plan.folder)
    todo = list(plan.todo)
    while todo:
        done: set[str] = set()
        for outcome in _in_processes(plan, todo, workers):
            done.add(outcome.task.case.name)
            yield outcome
        rest = [task for task in todo if task.case.name not in done]
        if rest and (workers == 1 or len(todo) == 1):
            # Alone in its process and still gone: this case is what kills it.
            yield Outcome(rest[0], error="the process died while reading it (out of memory?)")
            rest = rest[1:]
        elif rest:
            workers = 1
        todo = rest


def _in_processes(plan: Plan, tasks: list[Task], workers: int) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    count = max(1, min(workers, len(tasks)))
    pool = ProcessPoolExecutor(
        count, mp_context=context, initializer=_die_with_parent, initargs=(os.getpid(),)
    )
    try:
        waiting: dict[Future[Outcome], Task] = {}
        queue = iter(tasks)
        while True:
            # No more in flight than there are workers: a broken pool then names the cases that broke it.
            for task in queue:
                waiting[pool.submit(_work, plan, task, os.getpid())] = task
                if len(waiting) >= count:
                    break
            if not waiting:
                return
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                del waiting[future]
                yield future.result()
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _die_with_parent(parent: int) -> None:
    """A worker ends with the process that started it, and leaves Ctrl-C to it."""
    import ctypes

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent_death_signal = 1  # PR_SET_PDEATHSIG of Linux
    ctypes.CDLL(None, use_errno=True).prctl(parent_death_signal, signal.SIGKILL)
    _leave_if_orphaned(parent)


def _leave_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        os._exit(1)


def _work(plan: Plan, task: Task, parent: int) -> Outcome:
    with at_work(plan.folder):
        # A writer that is killed before its worker is up leaves an orphan with a task in its queue.
        _leave_if_orphaned(parent)
        return _ingest(plan, task)


def _ingest(plan: Plan, task: Task) -> Outcome:
    from pcrl.engine.volumes.ingest.case import IngestError, ingest_image, ingest_label, remove_label

    folder, store = plan.folder / "cases" / task.case.name, store_of(plan.record.storage)
    sources = {
        str(path): _source(path, plan.dataset.source)
        for path in (*task.case.images, *([task.case.label] if task.case.label else []))
        if path.exists()
    }
    try:
        if task.action == "image":
            notes = ingest_image(task.case, folder, store, plan.data, plan.forced, sources)
        elif task.action == "label":
            notes = ingest_label(task.case, folder, store, plan.data, sources)
        else:
            notes = remove_label(folder, store)
    except IngestError as error:
        return Outcome(task, error=str(error))
    except Exception as error:  # nothing else is lost when one case cannot be read
        return Outcome(task, error=f"{type(error).__name__}: {error}")
    return Outcome(task, notes=tuple(notes))


def _source(path: Path, root: Path) -> SourceFile:
    size, modified, digest = fingerprint(path)
    return SourceFile(path=_relative(path, root), size=size, modified=modified, sha256=digest)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
