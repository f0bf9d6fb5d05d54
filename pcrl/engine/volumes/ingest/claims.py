"""Which case of the cache is which of the source: names that stay, and sources that may not take each other's place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pcrl.datasets.case import Case, Dataset
from pcrl.datasets.names import ascii_name, other_name, printable, renamed
from pcrl.engine.cache.commit import is_committed
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.volumes.records import CASE_RECORD, CASES, CaseRecord, DatasetRecord, SourceFile
from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.ingest.source import same_file
from pcrl.listing import few


@dataclass(frozen=True, slots=True)
class Claim:
    """What a case in the cache was read from; `root` is empty where an earlier version did not keep it."""

    root: str
    sources: tuple[SourceFile, ...]


def relative(path: Path, root: Path) -> str:
    """Name of a source file as records hold it: below the source folder if it lies there."""
    return printable(str(path.relative_to(root)) if path.is_relative_to(root) else str(path))


def root_of(dataset: Dataset) -> str:
    """The folder of a data set's files, as records hold it."""
    return printable(str(dataset.source.resolve()))


def claims_in(folder: Path, record: DatasetRecord) -> dict[str, Claim]:
    """What each whole case in the folder of a data set was read from, by name."""
    roots = {name: root for root, names in record.roots.items() for name in names}
    claims = {}
    for name in record.cases:
        case = folder / CASES / name
        if is_committed(case):
            # What cannot be read, or is of an earlier format, is made anew, and claims nothing.
            with suppress(CacheError):
                sources = read_record(CaseRecord, case / CASE_RECORD).sources
                claims[name] = Claim(roots.get(name, ""), sources)
    return claims


def named_for(dataset: Dataset, folder: Path, claims: Mapping[str, Claim]) -> Dataset:
    """The data set with its cases by the names that they have in the cache, or will have.

    A file that is in the cache keeps its name there, whatever files have come beside it.
    """
    here = root_of(dataset)
    cases = [_in_ascii(case) for case in dataset.cases] if _lacks_unicode(folder, dataset) else dataset.cases
    known: dict[str, dict[str, SourceFile]] = {}
    for name, claim in claims.items():
        if claim.root in ("", here):
            known.setdefault(claim.sources[0].path, {})[name] = claim.sources[0]
    first = {case.name: relative(case.channels[0], dataset.source) for case in cases}
    found = {case.name: _kept_name(case, known.get(first[case.name], {})) for case in cases}
    kept = {name: there for name, there in found.items() if there is not None}
    taken = set(kept.values())
    named = []
    for case in cases:
        if case.name in kept:
            named.append(renamed(case, kept[case.name]))
        elif case.name in taken:
            named.append(renamed(case, other_name(case.name, first[case.name])))
        else:
            named.append(case)
    return replace(dataset, cases=tuple(named))


def refuse_second_sources(dataset: Dataset, folder: Path, claims: Mapping[str, Claim]) -> None:
    """Raise `CacheError` if a case would take the place of one that was read from another file.

    A data set that was moved, and a file that changed where it lies, are no other files.
    """
    here = root_of(dataset)
    second = [
        (case, claim)
        for case in dataset.cases
        if (claim := claims.get(case.name)) is not None and _is_another(case, claim, dataset.source, here)
    ]
    if not second:
        return
    case, claim = second[0]
    before = str(Path(claim.root) / claim.sources[0].path)
    now = printable(str(case.channels[0]))
    more = f" (and so would {few([other.name for other, _ in second[1:]])})" if second[1:] else ""
    raise CacheError(
        f"{folder} holds case {case.name} from {before}, and {now} would take its place{more}. Give these scans a data "
        "set of their own with --dataset NAME, or replace what is there with --replace"
    )


def roots_after(dataset: Dataset, known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Folder → cases that come from it, once the data set is ingested."""
    names = {case.name for case in dataset.cases}
    here = root_of(dataset)
    rest = {root: tuple(name for name in old if name not in names) for root, old in known.items()}
    rest[here] = (*rest.get(here, ()), *names)
    return {root: tuple(sorted(rest[root])) for root in sorted(rest) if rest[root]}


def names_told(cases: Iterable[Case]) -> list[str]:
    """A note on cases whose names are not merely those of their files made safe, with what became what."""
    shown = 20
    odd = [case for case in cases if case.source_name and not _is_plainly(case.source_name, case.name)]
    if not odd:
        return []
    pairs = few([f"{printable(case.source_name)} is {case.name}" for case in odd], shown)
    return [f"named otherwise in the cache than their files: {pairs}; `pcrl cache info --cases` lists all"]


def _kept_name(case: Case, there: Mapping[str, SourceFile]) -> str | None:
    """The name in the cache of what was read from the same path.

    Of DICOM, one folder has the slices of many cases: the same slices are the same case.
    """
    if case.stack is None:
        return next(iter(there), None)
    return next(
        (name for name, stored in there.items() if same_file(case.channels[0], stored, case.stack)), None
    )


def _is_plainly(source: str, name: str) -> bool:
    """Whether a name is its file's with slashes and spaces as dashes."""
    return source.replace("/", "-").replace(" ", "-") == name


def _is_another(case: Case, claim: Claim, source: Path, here: str) -> bool:
    paths = [relative(path, source) for path in case.channels]
    if claim.root in ("", here) and paths == [stored.path for stored in claim.sources]:
        return False
    try:
        return len(paths) != len(claim.sources) or not all(
            same_file(path, stored, case.stack)
            for path, stored in zip(case.channels, claim.sources, strict=True)
        )
    except (OSError, ReadError):
        return False  # It cannot be read, and so takes nobody's place.


def _in_ascii(case: Case) -> Case:
    return renamed(case, ascii_name(case.name))


def _lacks_unicode(folder: Path, dataset: Dataset) -> bool:
    """Whether a case has a name that the file system of the cache cannot hold, or gives back otherwise."""
    return not all(case.name.isascii() for case in dataset.cases) and not holds_unicode(folder)


def holds_unicode(folder: Path) -> bool:
    """Whether a name in any script can be given to a file in `folder`, and is read back as it was given."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".né名", dir=there) as made:
            return Path(made) in there.iterdir()
    except (OSError, UnicodeError):
        return False
