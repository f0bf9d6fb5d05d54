"""What an ingest of volumes has to do: which cases are new, which have changed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pcrl.config import Data, Modality, VolumeRecipe
from pcrl.datasets.case import Case, Dataset
from pcrl.engine import splits
from pcrl.engine.cache.commit import first_fault, is_committed, read_commit
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.secret import check_secret
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    CASES,
    DATASET_RECORD,
    LABEL_RECORD,
    CaseEntry,
    CaseRecord,
    DatasetRecord,
    LabelRecord,
    Storage,
)
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.cache.volumes.tables import outdated, tables_of
from pcrl.engine.strata import notes_on
from pcrl.engine.volumes.ingest.claims import (
    claims_in,
    named_for,
    names_told,
    refuse_second_sources,
    relative,
    roots_after,
)
from pcrl.engine.volumes.ingest.source import same_file, voxels_after
from pcrl.listing import counted

Action = Literal["scan", "label", "unlabel", "nothing"]
SECONDS_PER_VOXEL = 3e-8
"""Order of magnitude of reading, resampling and writing one voxel of the cache on one core; measured on a CT."""
SECONDS_TO_START = 5.0
"""Until workers are up and their kernels loaded; longer the first time, when these are compiled."""
BYTES_PER_VOXEL = 1.6
"""Stored, image and label: an upper limit; CT takes about 0.9 with lz4."""


@dataclass(frozen=True, slots=True)
class Task:
    """What has to be done for one case, and why."""

    case: Case
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class CaseResult:
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
    """Voxels that the new scans will have in the cache."""
    trust_label: bool = False
    """Labels that their header puts elsewhere are laid onto their scan voxel by voxel."""

    @property
    def todo(self) -> tuple[Task, ...]:
        """The tasks that do something."""
        return tuple(task for task in self.tasks if task.action != "nothing")

    @property
    def work(self) -> str:
        """What is to be done, in words, such as `3 scans and 1 label to read`."""
        scans = sum(task.action == "scan" for task in self.todo)
        labels = sum(task.action == "label" for task in self.todo)
        parts = [counted(scans, "scan")] if scans else []
        parts += [counted(labels, "label")] if labels else []
        removed = len(self.todo) - scans - labels
        steps = [f"{' and '.join(parts)} to read"] if parts else []
        steps += [f"{counted(removed, 'label')} to remove"] if removed else []
        return ", ".join(steps) or "nothing to read"

    @property
    def bytes_needed(self) -> int:
        """Estimated disk space."""
        return int(self.voxels * BYTES_PER_VOXEL)

    def seconds_needed(self, workers: int) -> float:
        """Estimated time with this many workers."""
        count = max(1, min(workers, len(self.todo)))
        return (SECONDS_TO_START if self.todo else 0.0) + self.voxels * SECONDS_PER_VOXEL / count


def plan(
    dataset: Dataset,
    cache: Path,
    recipe: VolumeRecipe,
    forced: Modality | None = None,
    storage: Storage | None = None,
    trust_label: bool = False,
    replacing: bool = False,
) -> Plan:
    """Compare a data set with what is in the cache.

    Args:
        storage: None for what the data set is in the cache already, zarr if it is new.
        trust_label: labels that their header puts elsewhere are laid onto their scan voxel by voxel.
        replacing: a case may take the place of one that was read from another file.

    Raises:
        CacheError: a case would take the place of one that was read from another file; what is in the cache, or a
            table, cannot be read; the cache is of another format.
    """
    folder = cache / dataset.name
    known = folder / DATASET_RECORD
    old = read_record(DatasetRecord, known) if known.exists() else None
    claims = claims_in(folder, old) if old else {}
    dataset = named_for(dataset, folder, claims)
    if not replacing:
        refuse_second_sources(dataset, folder, claims)
    assigned, notes = splits.assign(dataset.cases, before=old.cases if old else None)
    notes += notes_on(dataset.cases, dataset.strata, old.cases.values() if old else ())
    entries = {
        case.name: CaseEntry(
            patient=case.patient,
            split=assigned[case.name],
            fold=case.fold,
            virtual=case.virtual,
            stratum=case.stratum,
        )
        for case in dataset.cases
    }
    if old:
        # Cases that are no longer in the source stay in the cache.
        entries = old.cases | entries
        if storage not in (None, old.storage):
            raise CacheError(
                f"{folder} holds {old.storage}: remove --format (in Python: storage), or copy it as {storage} with "
                f"`pcrl cache copy {cache} NEW --format {storage}`"
            )
        storage = old.storage
        check_secret(dataset.secret, old.secret, folder)
        before = {name: entry.split for name, entry in old.cases.items()}
        notes += splits.moved(before, {name: entry.split for name, entry in entries.items()})
    record = DatasetRecord(
        format=FORMAT,
        name=dataset.name,
        recipe=recipe,
        tissue=dataset.tissue,
        split_seed=splits.SEED,
        storage=storage or "zarr",
        label_names=dict(dataset.label_names),
        cases=dict(sorted(entries.items())),
        secret=dataset.secret or (old.secret if old else ""),
        roots=roots_after(dataset, old.roots if old else {}),
        regions=dict(dataset.regions),
        ignored=dataset.ignored,
        digests=True,
        tables=_tables_after(dataset, folder, old),
        strata=dataset.strata,
    )
    tasks = tuple(
        _task(case, dataset, folder / CASES / case.name, recipe.data, forced, record.storage)
        for case in dataset.cases
    )
    voxels = sum(
        voxels_after(t.case.channels, recipe.data.spacing, t.case.stack) for t in tasks if t.action == "scan"
    )
    tables = outdated(dataset.tables, folder)
    told = (*dataset.notes, *notes, *names_told(dataset.cases))
    return Plan(dataset, folder, recipe.data, forced, record, tasks, tables, told, voxels, trust_label)


def _tables_after(dataset: Dataset, folder: Path, old: DatasetRecord | None) -> tuple[str, ...]:
    """Names of all tables that the cache will hold: those that are no longer in the source stay."""
    before = () if old is None else old.tables if old.digests else tables_of(folder)
    return tuple(sorted({*before, *(table.name for table in dataset.tables)}))


def _task(
    case: Case, dataset: Dataset, folder: Path, data: Data, forced: Modality | None, storage: Storage
) -> Task:
    if not is_committed(folder):
        return Task(case, "scan", "new")
    try:
        files = read_commit(folder).files
        if fault := first_fault(folder, files):
            return Task(case, "scan", f"what is there is damaged: {fault}")
        record = read_record(CaseRecord, folder / CASE_RECORD)
    except CacheError as error:
        return Task(case, "scan", f"what is there cannot be used: {error}")
    if store_of(storage).image_files[0] not in files:
        return Task(case, "scan", "stored in another format")
    if record.settings != data or (forced or record.forced_modality) != record.forced_modality:
        return Task(case, "scan", "settings changed")
    stored = {source.path: source for source in record.sources}
    for path in case.channels:
        name = relative(path, dataset.source)
        if name not in stored or not same_file(path, stored[name], case.stack):
            return Task(case, "scan", "source file changed")
    labelled = LABEL_RECORD in files
    if case.label is None:
        return Task(case, "unlabel", "label removed") if labelled else Task(case, "nothing", "already there")
    if not labelled:
        return Task(case, "label", "label added")
    try:
        old = read_record(LabelRecord, folder / LABEL_RECORD).source
    except CacheError as error:
        return Task(case, "label", f"what is there cannot be used: {error}")
    if old.path != relative(case.label, dataset.source) or not same_file(case.label, old):
        return Task(case, "label", "label changed")
    return Task(case, "nothing", "already there")
