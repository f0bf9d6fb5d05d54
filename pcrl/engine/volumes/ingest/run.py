"""From files to cache: what has to be done, and doing it, one process a case."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

from pcrl.datasets.dicom.stacks import Stack
from pcrl.datasets.names import printable
from pcrl.engine.cache.changes import finish_changes
from pcrl.engine.cache.commit import is_committed, is_part_of
from pcrl.engine.cache.digests import forget_digests, write_digests
from pcrl.engine.cache.format import read_record
from pcrl.engine.cache.guard.walk import clear_left
from pcrl.engine.cache.lock import at_work
from pcrl.engine.cache.volumes.records import (
    CASES,
    DATASET_RECORD,
    LABEL_RECORD,
    DatasetRecord,
    LabelRecord,
    SourceFile,
)
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.cache.volumes.strangers import clear_unnamed
from pcrl.engine.cache.volumes.tables import bring
from pcrl.engine.volumes.ingest.claims import relative
from pcrl.engine.volumes.ingest.plan import CaseResult, Plan, Task
from pcrl.engine.volumes.ingest.source import fingerprint
from pcrl.files import save_record
from pcrl.listing import few


def run(plan: Plan, workers: int) -> Iterator[CaseResult]:
    """Do the plan: the record, the tables, then the cases, whose outcomes come as they are ready.

    The caller holds the data set's lock. A case that fails is named in its outcome, and the others go on.
    """
    (plan.folder / CASES).mkdir(parents=True, exist_ok=True)
    forget_digests(plan.folder)
    for folder in (plan.folder / CASES).iterdir():
        if is_committed(folder):
            clear_unnamed(folder)
    save_record(plan.record, plan.folder / DATASET_RECORD)
    bring(plan.tables, plan.folder)
    todo = list(plan.todo)
    while todo:
        done: set[str] = set()
        for outcome in _in_processes(plan, todo, workers):
            done.add(outcome.task.case.name)
            yield outcome
        rest = [task for task in todo if task.case.name not in done]
        if rest:
            # What a worker was at that died.
            clear_left(plan.folder)
            finish_changes(plan.folder / CASES)
        if rest and (workers == 1 or len(todo) == 1):
            # Alone in its process and still gone: this case is what kills it.
            yield CaseResult(rest[0], error="the process died while reading it (out of memory?)")
            rest = rest[1:]
        elif rest:
            workers = 1
        todo = rest
    write_digests(plan.folder)


def _in_processes(plan: Plan, tasks: list[Task], workers: int) -> Iterator[CaseResult]:
    context = multiprocessing.get_context("spawn")
    count = max(1, min(workers, len(tasks)))
    # With every task goes a plan without the others, of which a tree of DICOM has a million slices.
    slim = replace(plan, dataset=replace(plan.dataset, cases=()), tasks=())
    started = context.RawValue("b", 0)
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(os.getpid(), started))
    try:
        waiting: dict[Future[CaseResult], Task] = {}
        queue = iter(tasks)
        while True:
            # No more in flight than there are workers: a broken pool then names the cases that broke it.
            for task in queue:
                waiting[pool.submit(_work, slim, task, os.getpid())] = task
                if len(waiting) >= count:
                    break
            if not waiting:
                return
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                del waiting[future]
                yield future.result()
    except BrokenProcessPool:
        if not started.value:
            raise RuntimeError(
                "no process that reads scans could start: their errors are above. A script calls ingest below "
                '`if __name__ == "__main__":`'
            ) from None
        return
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(parent: int, started: Any) -> None:
    """A worker tells that it is up. It ends with the process that started it, and leaves Ctrl-C to it."""
    import ctypes

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent_death_signal = 1  # PR_SET_PDEATHSIG of Linux
    ctypes.CDLL(None, use_errno=True).prctl(parent_death_signal, signal.SIGKILL)
    _leave_if_orphaned(parent)
    started.value = 1


def _leave_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        os._exit(1)


def _work(plan: Plan, task: Task, parent: int) -> CaseResult:
    with at_work(plan.folder):
        # A writer that is killed before its worker is up leaves an orphan with a task in its queue.
        _leave_if_orphaned(parent)
        return _ingest(plan, task)


def _ingest(plan: Plan, task: Task) -> CaseResult:
    from pcrl.engine.volumes.ingest.case import ingest_label, ingest_scan, remove_label
    from pcrl.engine.volumes.ingest.errors import IngestError

    folder, store = plan.folder / CASES / task.case.name, store_of(plan.record.storage)
    sources = {
        str(path): _source(path, plan.dataset.source, task.case.stack if path in task.case.channels else None)
        for path in (*task.case.channels, *([task.case.label] if task.case.label else []))
        if path.exists()
    }
    try:
        if task.action == "scan":
            notes = ingest_scan(task.case, folder, store, plan.data, plan.forced, sources, plan.trust_label)
        elif task.action == "label":
            notes = ingest_label(task.case, folder, store, plan.data, sources, plan.trust_label)
        else:
            notes = remove_label(folder, store)
    except IngestError as error:
        return CaseResult(task, error=printable(str(error)))
    except Exception as error:  # nothing else is lost when one case cannot be read
        return CaseResult(task, error=printable(f"{type(error).__name__}: {error}"))
    return CaseResult(task, notes=(*notes, *_unnamed_values(folder, plan.record)))


def _unnamed_values(folder: Path, record: DatasetRecord) -> list[str]:
    """A note on values of a label to which the data set gives no name, if it names any."""
    known = {*record.label_names, *(value for values in record.regions.values() for value in values)}
    if not known or not is_part_of(folder, LABEL_RECORD):
        return []
    values = read_record(LabelRecord, folder / LABEL_RECORD).values
    strange = sorted(set(values) - known - {0, record.ignored})
    if not strange:
        return []
    found = few([str(value) for value in strange])
    return [f"the label holds {found}, which the data set does not name: an evaluation may refuse it"]


def _source(path: Path, root: Path, stack: Stack | None) -> SourceFile:
    size, modified, digest, content = fingerprint(path, stack)
    return SourceFile(path=relative(path, root), size=size, modified=modified, sha256=digest, content=content)
