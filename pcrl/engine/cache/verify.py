"""Verification of a data set: every byte of it against a record, and every file against being named by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from pcrl.engine.cache.commit import CHANGE, COMMIT, fault_of, read_commit
from pcrl.engine.cache.digests import DIGESTS, DatasetFiles, forget_digests, own_files, read_digests
from pcrl.engine.cache.finding import Finding
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.guard.walk import (
    LOST,
    files_in,
    is_left,
    is_regular,
    odd_kind,
    put_aside,
    walk,
)
from pcrl.engine.cache.images.dataset import (
    IMAGE_SET_RECORD,
    SHARDS,
    STACK,
    ImageSetRecord,
    record_path,
    stack_path,
)
from pcrl.engine.cache.images.table import TABLE, ImageTable, read_table
from pcrl.engine.cache.images.thumbnails import thumbnails_path
from pcrl.engine.cache.images.verify import verify_shards
from pcrl.engine.cache.lock import LOCK, WORKERS
from pcrl.engine.cache.volumes.records import CASES, DATASET_RECORD, DatasetRecord
from pcrl.engine.cache.volumes.verify import verify_cases
from pcrl.files import remove

_SIGNS = (DATASET_RECORD, IMAGE_SET_RECORD, DIGESTS, CASES, SHARDS, STACK)
"""What a data set may have left that was damaged."""
_NOT_ENDED = (
    "an ingest has not ended, or it was deleted; records and tables cannot be checked until the next ingest ends, or "
    "`pcrl cache upgrade`"
)


def folders_of(root: Path, names: tuple[str, ...] = ()) -> list[Path]:
    """Folders of the data sets in the cache at `root`, those that have lost their records included.

    Raises:
        CacheError: there is none, or none of a name that is asked for.
    """
    there = sorted(root.iterdir()) if root.is_dir() else []
    found = {path.name: path for path in there if any((path / sign).exists() for sign in _SIGNS)}
    if not found:
        raise CacheError(
            f"{root} is not a cache, or an empty one: make one with `pcrl ingest --dataset NAME --cache {root}`"
        )
    for name in names:
        if name not in found:
            raise CacheError(f"{root} holds {', '.join(found)}, not {name!r}")
    return [found[name] for name in names or found]


def is_of_images(folder: Path) -> bool:
    """Whether the data set in `folder` holds images: as `files.json` says, or else by what is left of it."""
    with suppress(CacheError):
        if digests := read_digests(folder):
            return IMAGE_SET_RECORD in digests.files
    signs = (IMAGE_SET_RECORD, SHARDS, STACK)
    return not (folder / DATASET_RECORD).exists() and any((folder / sign).exists() for sign in signs)


def parts_of(folder: Path) -> int:
    """How many cases or shards there are to be checked in a data set."""
    pattern = f"{SHARDS}/*.json" if is_of_images(folder) else f"{CASES}/*/{COMMIT}"
    return len(list(folder.glob(pattern)))


def verify_dataset(folder: Path) -> Iterator[Finding]:
    """Check a data set: what is in it by its records, then the records, then what none of them names.

    Raises:
        CacheError: nothing says whether what cannot be read is damaged or of another version.
    """
    if folder.is_symlink():
        yield Finding("", (f"{odd_kind(folder)}, which pcrl does not follow: take it away",))
        return
    # First, so that what is discarded after them is not behind one.
    linked = set()
    for found in _links(folder):
        linked.add(found.name)
        yield found
    images = is_of_images(folder)
    own = IMAGE_SET_RECORD if images else DATASET_RECORD
    digests, finding = _digests(folder, own)
    written, there = digests.files if digests else {}, files_in(folder)
    if finding is not None:
        yield finding
    damaged = set() if written or own in there else {own}
    for name, expected in written.items():
        if name in linked:
            damaged.add(name)
        elif not name.startswith((f"{CASES}/", f"{SHARDS}/")):
            fault = fault_of(folder / name, expected) if name in there else "missing"
            if fault:
                damaged.add(name)
                yield Finding(name, (fault,), discard=partial(_remove_own, folder, name))
    if own in damaged and not written:
        yield Finding(own, ("missing",))
    faulty = set()
    if images:
        record = None if own in damaged else read_record(ImageSetRecord, folder / own)
        table = _table(folder, record) if record is not None and TABLE not in damaged else None
        yield from verify_shards(folder, record.recipe.data if record else None, table, written, there)
        if table is not None and table.failed:
            yield Finding(TABLE, missing=len(table.failed))
    else:
        volumes = None if own in damaged else read_record(DatasetRecord, folder / own)
        for found in verify_cases(folder, volumes, written):
            faulty |= {found.name} if found.faults else set()
            yield found
    named = set(written) or _by_records(folder)
    yield from _strangers(folder, {*named, own, DIGESTS, LOCK, WORKERS}, faulty)
    if (folder / LOST).is_dir() and (lost := len(list((folder / LOST).iterdir()))):
        yield Finding(LOST, note=f"holds {lost} of what no record named: look at it, and delete it")


def _by_records(folder: Path) -> set[str]:
    """What `files.json` would name; what it names by itself where the record of the data set cannot be read."""
    try:
        return set(own_files(folder))
    except CacheError:
        return {f"{CASES}/{case.name}/{COMMIT}" for case in (folder / CASES).glob("[!.]*")}


def _links(folder: Path) -> Iterator[Finding]:
    for entry in list(walk(folder)):
        path = Path(entry.path)
        if not is_left(entry.name) and not is_regular(entry):
            fault = f"{odd_kind(path)}, which pcrl neither makes nor follows"
            yield Finding(str(path.relative_to(folder)), (fault,), discard=partial(_put_aside, path, folder))


def _digests(folder: Path, own: str) -> tuple[DatasetFiles | None, Finding | None]:
    """`files.json`, and what is to be said of it."""
    try:
        digests = read_digests(folder)
    except CacheError as error:
        return None, Finding(DIGESTS, (str(error),), discard=partial(_remove_own, folder, DIGESTS))
    if digests is not None:
        note = "" if digests.sha256 else "cannot be checked itself: an earlier version wrote it"
        return digests, Finding(
            DIGESTS, note=f"{note}; `pcrl cache upgrade` writes it anew"
        ) if note else None
    if _promises_digests(folder, own):
        return None, Finding(
            DIGESTS,
            (f"missing: {_NOT_ENDED}",),
        )
    return None, Finding(
        DIGESTS,
        note="an earlier version made this data set without it: records and tables cannot be checked; `pcrl cache "
        "upgrade` adds it",
    )


def _promises_digests(folder: Path, own: str) -> bool:
    try:
        if own == IMAGE_SET_RECORD:
            return read_record(ImageSetRecord, folder / own).digests
        return read_record(DatasetRecord, folder / own).digests
    except CacheError:
        return True


def _table(folder: Path, record: ImageSetRecord) -> ImageTable | None:
    try:
        return read_table(folder / TABLE, record.label_names)
    except (CacheError, OSError):
        return None  # Its ingest was stopped; what is damaged is named above.


def _strangers(folder: Path, named: set[str], faulty: set[str]) -> Iterator[Finding]:
    """Files that no record names; of a case whose commit record cannot be read, nobody knows."""
    known = set(named)
    for number in [int(Path(name).stem) for name in named if name.startswith(f"{SHARDS}/")]:
        ways = record_path, thumbnails_path, stack_path
        known |= {str(path(folder, number).relative_to(folder)) for path in ways}
    cases: dict[str, set[str]] = {}
    for entry in list(walk(folder)):
        path = Path(entry.path)
        name, parts = str(path.relative_to(folder)), path.relative_to(folder).parts
        if is_left(entry.name) or (entry.name == CHANGE and parts[0] == CASES):
            yield Finding(
                name, note="was left by a writer that was killed, or is at work: the next one removes it"
            )
            continue
        if name in known or not is_regular(entry):
            continue
        if len(parts) > 2 and parts[0] == CASES:
            case = parts[1]
            if case not in cases:
                cases[case] = _files_of(folder / CASES / case)
            if str(Path(*parts[2:])) in cases[case] and f"{CASES}/{case}/{COMMIT}" in known:
                continue
            if case in faulty and not cases[case]:
                continue
        yield Finding(name, ("no record names it",), discard=partial(_put_aside, path, folder))


def _files_of(case: Path) -> set[str]:
    try:
        return {*read_commit(case).files}
    except CacheError:
        return set()


def _put_aside(path: Path, folder: Path) -> None:
    forget_digests(folder)
    if path.is_symlink() or path.exists():
        put_aside(path, folder)


def _remove_own(folder: Path, name: str) -> None:
    """A record or a table that is damaged; the next ingest writes it anew."""
    forget_digests(folder)
    path = folder / name
    if path.is_symlink():
        put_aside(path, folder)
    elif not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(folder)):
        remove(path)
