"""Names of predictions: each input has one of its own, whatever files are called and from wherever they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pcrl.datasets.case import Case
from pcrl.datasets.names import other_name, printable, safe_name, with_safe_names
from pcrl.listing import counted, few


@dataclass(frozen=True, slots=True)
class Named:
    """A case by the name that its files give it, and the name of the folder that it was found in."""

    case: Case
    place: str


def named_apart(cases: Iterable[Named]) -> tuple[list[Case], list[str]]:
    """The cases by safe names, of which no two are alike; notes on those that are called otherwise than their files.

    Cases of one name from several folders have the folder's name before theirs. What is given twice is predicted once.
    """
    kept, notes = _once(cases)
    before = [each.case.source_name or each.case.name for each in kept]
    kept = _where_alike(kept, lambda each: f"{each.place}-{each.case.name}")
    kept = _where_alike(kept, lambda each: other_name(each.case.name, str(each.case.channels[0].absolute())))
    named = with_safe_names(each.case for each in kept)
    odd = [
        f"{printable(str(case.channels[0]))} is {case.name}"
        for case, name in zip(named, before, strict=True)
        if case.name != name.replace("/", "-").replace(" ", "-")
    ]
    if odd:
        notes.append(f"predictions that are called otherwise than their files: {few(odd)}")
    return named, notes


def _where_alike(cases: list[Named], name: Callable[[Named], str]) -> list[Named]:
    """Those cases by another name whose name several have."""
    count = Counter(each.case.name for each in cases)
    return [
        Named(replace(each.case, name=name(each)), each.place) if count[each.case.name] > 1 else each
        for each in cases
    ]


def named_by_file(
    cases: Iterable[Named], stem: Callable[[Path], str]
) -> tuple[list[Case], list[str], list[str]]:
    """The cases by the names of their files or series' folders, as a table of candidates names them.

    Of two of one name the table cannot tell which it means: the second is not predicted.
    """
    kept, notes = _once(cases)
    taken: dict[str, Path] = {}
    named, failed = [], []
    for each in kept:
        name, path = safe_name(stem(each.case.channels[0])), each.case.channels[0]
        if (first := taken.setdefault(name, path)) is not path:
            failed.append(
                f"{path}: its name {name} is that of {first}, and a table of candidates tells them by it"
            )
        else:
            named.append(replace(each.case, name=name))
    return named, notes, failed


def _once(cases: Iterable[Named]) -> tuple[list[Named], list[str]]:
    """Each scan once, and a note on those that were given twice."""
    kept: dict[object, Named] = {}
    twice = []
    for each in cases:
        stack = each.case.stack
        slices = frozenset((frame.file.resolve(), frame.index) for frame in stack.frames) if stack else None
        identity = (tuple(path.resolve() for path in each.case.channels), slices)
        if kept.setdefault(identity, each) is not each:
            twice.append(printable(str(each.case.channels[0])))
    notes = [f"{counted(len(twice), 'input')} given twice, predicted once: {few(twice)}"] if twice else []
    return list(kept.values()), notes
