"""`patients.csv`: an optional table in a source folder that says which cases are of one person.

Columns `case,patient`, and optionally `virtual` (1: generated, owes nothing to a scan). Cases that it does not name
are patients of their own. A split never separates the cases of a patient. A case is a volume or a radiograph; the table
may call it as its files do, or by its name in the cache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pcrl.datasets.case import Case, LayoutError
from pcrl.datasets.image import Radiograph
from pcrl.datasets.rows import columns, rows

FILE = "patients.csv"
C = TypeVar("C", Case, Radiograph)


def with_patients(cases: Iterable[C], source: Path, failed: Collection[str] = ()) -> tuple[C, ...]:
    """The cases with the patients of `source/patients.csv`; as they are if there is no such file.

    Args:
        failed: cases that are there and cannot be taken; the table may name them.

    Raises:
        LayoutError: missing column, unknown case, a case listed twice, a flag that is not 0 or 1; names the line.
    """
    listed = list(cases)
    path = source / FILE
    if not path.is_file():
        return tuple(listed)
    known = {_called(case): case.name for case in listed}
    known |= {case.name: case.name for case in listed}
    owners: dict[str, tuple[str, bool]] = {}
    if missing := {"case", "patient"} - set(columns(path)):
        raise LayoutError(
            f"{path}: no column {', '.join(sorted(missing))}; the first line must be case,patient or "
            "case,patient,virtual"
        )
    for line, row in rows(path):
        where, case, patient, virtual = (
            f"{path}, line {line}",
            row["case"],
            row["patient"],
            row.get("virtual"),
        )
        if case in failed and case not in known:
            continue
        if case not in known:
            raise LayoutError(
                f"{where}: there is no case {case!r} in {source}; remove the line or add its file"
            )
        case = known[case]
        if case in owners:
            raise LayoutError(f"{where}: case {case!r} is listed a second time")
        if not patient:
            raise LayoutError(f"{where}: case {case!r} has no patient")
        if virtual not in {None, "", "0", "1"}:
            raise LayoutError(f"{where}: virtual is {virtual!r}, expected 0 or 1")
        owners[case] = (patient, virtual == "1")
    return tuple(
        replace(case, patient=owners[case.name][0], virtual=owners[case.name][1])
        if case.name in owners
        else case
        for case in listed
    )


def _called(case: Case | Radiograph) -> str:
    """What the files of a case call it."""
    return (case.source_name if isinstance(case, Case) else "") or case.name
