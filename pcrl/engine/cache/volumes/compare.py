"""What of a copy of a data set is no longer as its origin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pcrl.engine.cache.commit import first_fault, is_committed, read_commit
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.volumes.dataset import CachedCase, CachedDataset
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    CASES,
    DATASET_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    THUMBNAILS,
    CaseRecord,
    DatasetRecord,
    Storage,
)
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.listing import counted, few

Change = Literal["", "new", "scan", "label", "unlabel"]
"""What is to be done for a case: nothing, all, all anew, its label alone, its label away."""


def change_of(case: CachedCase, copied: Path, storage: Storage) -> Change:
    """What of the copy of a case is not as in its origin; a copy that is damaged is made anew.

    Args:
        copied: folder of the copy, which need not be there.
    """
    if copied.is_symlink() or not is_committed(copied):
        return "new"
    store, theirs = store_of(storage), case.commit.files
    try:
        there = read_commit(copied).files
    except CacheError:
        return "scan"
    image, label = [CASE_RECORD, OCCUPANCY, THUMBNAILS], [LABEL_RECORD]
    if case.store.image == store.image:
        # In another format the files of pixels are others; then the records tell, which have digests of the pixels.
        image, label = [*image, *store.image_files], [*label, *store.label_files]
    if (
        first_fault(copied, there)
        or store.image_files[0] not in there
        or any(theirs.get(name) != there.get(name) for name in image)
    ):
        return "scan"
    if all(theirs.get(name) == there.get(name) for name in label):
        return ""
    return "label" if case.has_label else "unlabel"


def refuse_another(dataset: CachedDataset, old: DatasetRecord, folder: Path, storage: Storage) -> None:
    """Raise `CacheError` if what is in `folder` would be lost to a copy of this data set: it is not one of it."""
    why = ""
    if old.storage != storage:
        why = f"it is kept as {old.storage}, not as {storage}"
    elif more := sorted(old.cases.keys() - dataset.record.cases.keys()):
        why = f"it has {few(more)}, which {dataset.folder} has not"
    elif "" not in (old.secret, dataset.record.secret) and old.secret != dataset.record.secret:
        why = "its patients are named with another secret"
    elif others := [case.name for case in dataset.cases if _is_another(case, dataset.record, old, folder)]:
        why = f"{few(others)} in it was read from other files"
    if why:
        raise CacheError(f"{folder} exists and is not a copy of {dataset.folder}: {why}. Give another folder")


def changes_in_words(dataset: CachedDataset, folder: Path, storage: Storage) -> list[str]:
    """What a copy into `folder` would change of what is there: one line for each kind of change."""
    if not (folder / DATASET_RECORD).exists():
        return []
    old, new = read_record(DatasetRecord, folder / DATASET_RECORD), dataset.record
    changed: dict[Change, list[str]] = {}
    for case in dataset.cases:
        change = change_of(case, folder / CASES / case.name, storage)
        if change == "label" and not _has_label(folder / CASES / case.name):
            changed.setdefault("new", []).append(case.name)
        elif change not in ("", "new"):
            changed.setdefault(change, []).append(case.name)
    both = sorted(old.cases.keys() & new.cases.keys())
    lines = [
        _line("scan", "changed or damaged, copied anew", changed.get("scan", [])),
        _line("label", "added", changed.get("new", [])),
        _line("label", "changed", changed.get("label", [])),
        _line("label", "removed", changed.get("unlabel", [])),
        _line(
            "case",
            "with another split or fold",
            [
                f"{name} ({old.cases[name].split}, now {new.cases[name].split})"
                for name in both
                if (old.cases[name].split, old.cases[name].fold)
                != (new.cases[name].split, new.cases[name].fold)
            ],
        ),
        _line(
            "case",
            "of another patient",
            [
                f"{name} ({old.cases[name].patient}, now {new.cases[name].patient})"
                for name in both
                if old.cases[name].patient != new.cases[name].patient
            ],
        ),
        _line(
            "case",
            f"not in {dataset.folder} any more, kept here",
            [name for name in dataset.absent() if is_committed(folder / CASES / name)],
        ),
    ]
    settings = [
        name
        for name in ("recipe", "tissue", "label_names", "regions", "ignored", "strata")
        if getattr(old, name) != getattr(new, name)
    ]
    if settings:
        lines.append(f"changed in its record: {', '.join(settings)}")
    return [line for line in lines if line]


def _line(what: str, how: str, names: Sequence[str]) -> str:
    return f"{counted(len(names), what)} {how}: {few(names)}" if names else ""


def _has_label(copied: Path) -> bool:
    return LABEL_RECORD in read_commit(copied).files


def _is_another(case: CachedCase, new: DatasetRecord, old: DatasetRecord, folder: Path) -> bool:
    """Whether the case of this name in `folder` was read from other files; as two ingests are told apart."""
    try:
        sources = read_record(CaseRecord, folder / CASES / case.name / CASE_RECORD).sources
    except CacheError:
        return False
    if [one.sha256 for one in sources] == [one.sha256 for one in case.record.sources]:
        return False
    roots = [
        next((root for root, names in each.roots.items() if case.name in names), "") for each in (new, old)
    ]
    same_root = "" in roots or roots[0] == roots[1]
    return not (same_root and [one.path for one in sources] == [one.path for one in case.record.sources])
