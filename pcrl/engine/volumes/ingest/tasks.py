"""What has to be done for each case: its files compared with what is in the cache, by workers that may die of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pcrl.config import Data, Modality
from pcrl.datasets.case import Case, Dataset
from pcrl.datasets.names import printable
from pcrl.engine.cache.commit import first_fault, is_committed, read_commit
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    CASES,
    LABEL_RECORD,
    CaseRecord,
    LabelRecord,
    Storage,
)
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.ingest.claims import relative
from pcrl.engine.volumes.ingest.source import same_file, voxels_after
from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits, of_headers
from pcrl.workers.pool import Workers

Action = Literal["scan", "label", "unlabel", "nothing"]
_TOGETHER = 32
"""Cases that are handed to a worker at a time."""
_FOR_EACH = 512
"""Cases for which one more worker is worth the half second that it takes to start."""
_COPIES = 2
"""Of all voxels, that are in memory at a time at least: as ITK reads them, and as an array."""


@dataclass(frozen=True, slots=True)
class Task:
    """What has to be done for one case, and why.

    Args:
        voxels: that a new scan will have in the cache.
        fault: why it is known already that it cannot be done; empty if it is not.
    """

    case: Case
    action: Action
    reason: str
    voxels: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Question:
    """What a worker needs to know of one case.

    Args:
        folder: of the case in the cache.
        memory: bytes that a worker which reads it may use; none: any.
    """

    case: Case
    source: Path
    folder: Path
    data: Data
    forced: Modality | None
    storage: Storage
    memory: int | None


def tasks_of(
    dataset: Dataset,
    folder: Path,
    data: Data,
    forced: Modality | None,
    storage: Storage,
    workers: int,
    limits: Limits,
) -> tuple[Task, ...]:
    """The task of each case, in their order. What is wrong with the files of one is told in its own.

    Args:
        folder: of the data set in the cache.
        workers: that may look at headers at a time.
        limits: of the workers that will read the cases.
    """
    questions = [
        _Question(case, dataset.source, folder / CASES / case.name, data, forced, storage, limits.resident)
        for case in dataset.cases
    ]
    known = [is_committed(question.folder) for question in questions]
    found: dict[str, Task] = {}
    # What is there already may have to be read as a whole, to see whether it has changed.
    for is_known, allowed in (
        (False, of_headers(limits.seconds)),
        (True, replace(of_headers(), seconds=limits.seconds)),
    ):
        asked = [question for question, there in zip(questions, known, strict=True) if there is is_known]
        found |= _answered(asked, workers, allowed)
    return tuple(found[case.name] for case in dataset.cases)


def _answered(questions: Sequence[_Question], workers: int, limits: Limits) -> dict[str, Task]:
    count = max(1, min(workers, -(-len(questions) // _FOR_EACH)))
    answers = {}
    with Workers(_task, count, limits, _TOGETHER) as pool:
        for question, answer in pool.run(questions):
            case = question.case
            if isinstance(answer, Fault):
                fault = f"{printable(str(case.channels[0]))}: {answer.reason} (at its header)"
                answers[case.name] = Task(case, "scan", "its header cannot be read", fault=fault)
            else:
                # Of DICOM, a case has thousands of slices, which stay here.
                answers[case.name] = replace(answer, case=case)
    return answers


def _task(question: _Question) -> Task:
    """In a worker: the task of a case, which the answer leaves out."""
    empty = Case(question.case.name, question.case.patient, ())
    try:
        action, reason = _compared(question)
        if action != "scan":
            return Task(empty, action, reason)
        voxels, in_memory = voxels_after(question.case.channels, question.data.spacing, question.case.stack)
    except ReadError as error:
        return Task(empty, "scan", "its header cannot be read", fault=printable(str(error)))
    except OSError as error:
        where = error.filename or question.case.channels[0]
        fault = printable(f"{where}: cannot be read: {error.strerror or error}")
        return Task(empty, "scan", "it cannot be read", fault=fault)
    if question.memory is not None and _COPIES * in_memory > question.memory:
        fault = printable(
            f"{question.case.channels[0]}: to read its {in_memory / 1e9:.1f} GB of voxels takes "
            f"{_COPIES * in_memory / 1e9:.1f} GB of memory at least, and a worker may use "
            f"{question.memory / 1e9:.1f} GB: allow more with --memory GB, or with fewer --workers"
        )
        return Task(empty, "scan", reason, fault=fault)
    return Task(empty, "scan", reason, voxels)


def _compared(question: _Question) -> tuple[Action, str]:
    """What is to be done, and why: the files of a case compared with what the cache says that it was read from."""
    case, folder, source = question.case, question.folder, question.source
    if not is_committed(folder):
        return "scan", "new"
    try:
        files = read_commit(folder).files
        if fault := first_fault(folder, files):
            return "scan", f"what is there is damaged: {fault}"
        record = read_record(CaseRecord, folder / CASE_RECORD)
    except CacheError as error:
        return "scan", f"what is there cannot be used: {error}"
    if store_of(question.storage).image_files[0] not in files:
        return "scan", "stored in another format"
    forced = question.forced or record.forced_modality
    if record.settings != question.data or forced != record.forced_modality:
        return "scan", "settings changed"
    stored = {one.path: one for one in record.sources}
    for path in case.channels:
        name = relative(path, source)
        if name not in stored or not same_file(path, stored[name], case.stack):
            return "scan", "source file changed"
    labelled = LABEL_RECORD in files
    if case.label is None:
        return ("unlabel", "label removed") if labelled else ("nothing", "already there")
    if not labelled:
        return "label", "label added"
    try:
        old = read_record(LabelRecord, folder / LABEL_RECORD).source
    except CacheError as error:
        return "label", f"what is there cannot be used: {error}"
    try:
        if old.path != relative(case.label, source) or not same_file(case.label, old):
            return "label", "label changed"
    except (OSError, ReadError):
        return "label", "label changed"  # Whoever reads it says what is wrong with it.
    return "nothing", "already there"
