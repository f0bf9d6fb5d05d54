"""What an ingest of volumes has to do: which cases are new, which have changed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pcrl.config import Data, Modality, VolumeRecipe
from pcrl.datasets.case import Dataset
from pcrl.engine import splits
from pcrl.engine.cache.format import FORMAT, CacheError, read_record
from pcrl.engine.cache.secret import check_secret
from pcrl.engine.cache.volumes.records import DATASET_RECORD, CaseEntry, DatasetRecord, Storage
from pcrl.engine.cache.volumes.tables import outdated, tables_of
from pcrl.engine.strata import notes_on
from pcrl.engine.volumes.ingest.claims import (
    claims_in,
    named_for,
    names_told,
    refuse_second_sources,
    roots_after,
)
from pcrl.engine.volumes.ingest.tasks import Task, tasks_of
from pcrl.listing import counted, few
from pcrl.workers.limits import Limits, of_readers

SECONDS_PER_VOXEL = 3e-8
"""Order of magnitude of reading, resampling and writing one voxel of the cache on one core; measured on a CT."""
SECONDS_TO_START = 5.0
"""Until workers are up and their kernels loaded; longer the first time, when these are compiled."""
BYTES_PER_VOXEL = 1.6
"""Stored, image and label: an upper limit; CT takes about 0.9 with lz4."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of a task: `error` is empty if it went well.

    Args:
        full: number of the system's error by which the disk takes no more; 0 if it does.
    """

    task: Task
    notes: tuple[str, ...] = ()
    error: str = ""
    full: int = 0


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

    def largest(self) -> str:
        """The cases that need most of it, in words."""
        size = sorted(self.todo, key=lambda task: -task.voxels)
        return few([f"{task.case.name} {task.voxels * BYTES_PER_VOXEL / 1e9:.3g} GB" for task in size])

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
    workers: int = 1,
    limits: Limits | None = None,
) -> Plan:
    """Compare a data set with what is in the cache; what is wrong with the files of a case is told in its task.

    Args:
        storage: None for what the data set is in the cache already, zarr if it is new.
        trust_label: labels that their header puts elsewhere are laid onto their scan voxel by voxel.
        replacing: a case may take the place of one that was read from another file.
        workers: processes that look at headers, and later read.
        limits: of those that read. None: `pcrl.workers.limits.of_readers`.

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
    allowed = limits or of_readers(workers)
    tasks = tasks_of(dataset, folder, recipe.data, forced, record.storage, workers, allowed)
    tables = outdated(dataset.tables, folder)
    told = (*dataset.notes, *notes, *names_told(dataset.cases))
    return Plan(
        dataset,
        folder,
        recipe.data,
        forced,
        record,
        tasks,
        tables,
        told,
        sum(task.voxels for task in tasks),
        trust_label,
    )


def _tables_after(dataset: Dataset, folder: Path, old: DatasetRecord | None) -> tuple[str, ...]:
    """Names of all tables that the cache will hold: those that are no longer in the source stay."""
    before = () if old is None else old.tables if old.digests else tables_of(folder)
    return tuple(sorted({*before, *(table.name for table in dataset.tables)}))
