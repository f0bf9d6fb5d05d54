"""From files to cache: what has to be done, and doing it, one process a case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pcrl.datasets.case import Case
from pcrl.datasets.names import printable
from pcrl.disk import full_number
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
from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.ingest.claims import relative
from pcrl.engine.volumes.ingest.plan import CaseResult, Plan
from pcrl.engine.volumes.ingest.source import fingerprint
from pcrl.engine.volumes.ingest.tasks import Task
from pcrl.files import save_record
from pcrl.listing import few
from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits, of_readers
from pcrl.workers.pool import Workers


def run(plan: Plan, workers: int, limits: Limits | None = None) -> Iterator[CaseResult]:
    """Do the plan: the record, the tables, then the cases, whose outcomes come as they are ready.

    The caller holds the data set's lock. A case that fails, or that kills the process which reads it, is named in its
    outcome, and the others go on.

    Args:
        limits: of each worker. None: `pcrl.workers.limits.of_readers`.

    Raises:
        RuntimeError: no process that reads scans can be started.
        OSError: the disk takes no more.
    """
    (plan.folder / CASES).mkdir(parents=True, exist_ok=True)
    forget_digests(plan.folder)
    for folder in (plan.folder / CASES).iterdir():
        if is_committed(folder):
            clear_unnamed(folder)
    save_record(plan.record, plan.folder / DATASET_RECORD)
    bring(plan.tables, plan.folder)
    for task in plan.todo:
        if task.fault:
            yield CaseResult(task, error=task.fault)
    # With every task goes a plan without the others, of which a tree of DICOM has a million slices.
    slim = replace(plan, dataset=replace(plan.dataset, cases=()), tasks=())
    tasks, died = [_Work(slim, task) for task in plan.todo if not task.fault], False
    with Workers(_work, workers, limits or of_readers(workers)) as pool:
        for work, result in pool.run(tasks):
            if isinstance(result, Fault):
                name, died = printable(str(work.task.case.channels[0])), True
                result = CaseResult(work.task, error=f"{name}: {result.reason}")
            if result.full:
                # Every other case would be read in vain.
                raise OSError(result.full, os.strerror(result.full), str(plan.folder))
            yield result
    if died:
        # What a worker was at.
        clear_left(plan.folder)
        finish_changes(plan.folder / CASES)
    write_digests(plan.folder)


@dataclass(frozen=True, slots=True)
class _Work:
    plan: Plan
    task: Task


def _work(work: _Work) -> CaseResult:
    with at_work(work.plan.folder):
        return _ingest(work.plan, work.task)


def _ingest(plan: Plan, task: Task) -> CaseResult:
    from pcrl.engine.volumes.ingest.case import ingest_label, ingest_scan, remove_label
    from pcrl.engine.volumes.ingest.errors import IngestError

    folder, store = plan.folder / CASES / task.case.name, store_of(plan.record.storage)
    try:
        sources = _sources(task.case, plan.dataset.source)
        if task.action == "scan":
            notes = ingest_scan(task.case, folder, store, plan.data, plan.forced, sources, plan.trust_label)
        elif task.action == "label":
            notes = ingest_label(task.case, folder, store, plan.data, sources, plan.trust_label)
        else:
            notes = remove_label(folder, store)
    except (IngestError, ReadError) as error:
        return CaseResult(task, error=printable(str(error)))
    except Exception as error:  # nothing else is lost when one case cannot be read
        what = f"{task.case.channels[0]}: {type(error).__name__}: {error}"
        if isinstance(error, OSError):
            what = f"{error.filename or task.case.channels[0]}: {error.strerror or error}"
        return CaseResult(task, error=printable(what), full=full_number(error) or 0)
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


def _sources(case: Case, root: Path) -> dict[str, SourceFile]:
    """What is kept of each file of a case; of one that cannot be read nothing, and whoever reads it says why."""
    sources = {}
    for path in (*case.channels, *([case.label] if case.label else [])):
        with suppress(OSError, ReadError):
            of_slices = case.stack if path in case.channels else None
            size, modified, digest, content = fingerprint(path, of_slices)
            name = relative(path, root)
            sources[str(path)] = SourceFile(
                path=name, size=size, modified=modified, sha256=digest, content=content
            )
    return sources
