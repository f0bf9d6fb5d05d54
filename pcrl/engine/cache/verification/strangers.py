"""What lies in a data set and is not pcrl's: files that no record names, and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pcrl.engine.cache.commit import CHANGE, COMMIT, read_commit
from pcrl.engine.cache.digests import forget_digests, own_files
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.guard.walk import is_left, is_regular, odd_kind, put_aside, walk
from pcrl.engine.cache.images.dataset import SHARDS, record_path, stack_path
from pcrl.engine.cache.images.thumbnails import thumbnails_path
from pcrl.engine.cache.verification.finding import Finding
from pcrl.engine.cache.volumes.records import CASES


def links(folder: Path) -> Iterator[Finding]:
    """Links, pipes and devices."""
    for entry in list(walk(folder)):
        path = Path(entry.path)
        if not is_left(entry.name) and not is_regular(entry):
            fault = f"{odd_kind(path)}, which pcrl neither makes nor follows"
            yield Finding(str(path.relative_to(folder)), (fault,), discard=partial(move_aside, path, folder))


def strangers(folder: Path, named: set[str], faulty: set[str]) -> Iterator[Finding]:
    """Files that no record names; of a case whose commit record cannot be read, nobody knows."""
    known = set(named)
    for number in [number for name in named if (number := shard_of(name)) is not None]:
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
        yield Finding(name, ("no record names it",), discard=partial(move_aside, path, folder))


def shard_of(name: str) -> int | None:
    """The number of the shard whose record this is, as a path below the folder of a data set; none if it is none."""
    match = re.fullmatch(rf"{SHARDS}/(\d{{6,}})\.json", name)
    return int(match[1]) if match else None


def _files_of(case: Path) -> set[str]:
    try:
        return {*read_commit(case).files}
    except CacheError:
        return set()


def move_aside(path: Path, folder: Path) -> None:
    """Move what is not pcrl's into `lost+found`, if it is still there."""
    forget_digests(folder)
    if path.is_symlink() or path.exists():
        put_aside(path, folder)


def named_by_records(folder: Path) -> set[str]:
    """What `files.json` would name; what it names by itself where the record of the data set cannot be read."""
    try:
        return set(own_files(folder))
    except CacheError:
        return {f"{CASES}/{case.name}/{COMMIT}" for case in (folder / CASES).glob("[!.]*")}
