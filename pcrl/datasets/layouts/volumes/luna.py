"""LUNA16: ten subset folders of MetaImage files, a subset being a fold; tables of nodules and of candidates."""

from __future__ import annotations

import filecmp
import re
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError, Split
from pcrl.datasets.names import with_safe_names
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import cannot_be_read, check_folder, walk, wrong

EXPECTED = """\
  subset0/1.3.6.1.4.1.14519….mhd, 1.3.6.1.4.1.14519….raw, …
  …
  subset9/…
  candidates_V2.csv, annotations.csv, annotations_excluded.csv
                                     (optional; here, in CSVFILES/ or in evaluationScript/annotations/)
  patients.csv                                             (optional: case,patient)"""
CANDIDATES, FIRST_CANDIDATES = "candidates_V2.csv", "candidates.csv"
"""The list that scores are published for, and the one before it."""
ANNOTATIONS, EXCLUDED = "annotations.csv", "annotations_excluded.csv"
PLACES = (".", "CSVFILES", "evaluationScript/annotations")
"""Where a table may lie below the source; the first place counts."""
_SUBSET = re.compile(r"subset(\d)")


def split_of_fold(fold: int) -> Split:
    """Folds 0–6 train, 7–8 val, 9 test."""
    return "train" if fold <= 6 else "val" if fold <= 8 else "test"


def find(source: Path) -> Dataset:
    """All `.mhd` files in subset folders; the series UID is case and patient.

    Raises:
        LayoutError: no subset folder with a scan, or one series in two subsets.
    """
    check_folder(source, "luna", EXPECTED)
    cases: dict[str, Case] = {}
    closed: list[OSError] = []
    for folder, names in walk(source, closed):
        match = _SUBSET.fullmatch(folder.name)
        if not match:
            continue
        fold = int(match[1])
        for name in names:
            if not name.endswith(".mhd"):
                continue
            uid = name.removesuffix(".mhd")
            if uid in cases:
                raise LayoutError(
                    f"{uid} is there twice: {cases[uid].channels[0]} and {folder / name}; remove one"
                )
            cases[uid] = Case(uid, uid, (folder / name,), split=split_of_fold(fold), fold=fold, modality="ct")
    if not cases:
        raise wrong(source, "luna", EXPECTED)
    tables, notes = _tables(source)
    return Dataset(
        "luna",
        source,
        with_patients(with_safe_names(cases.values()), source),
        tissue="lung",
        notes=notes,
        tables=tables,
        unreadable=cannot_be_read(closed, source),
    )


def _tables(source: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The tables that are there, and notes on those that are not or are there twice."""
    tables, notes, missing = [], [], []
    for name in (CANDIDATES, ANNOTATIONS, EXCLUDED):
        places = [source / place / name for place in PLACES]
        found = [path for path in places if path.is_file()]
        if name == CANDIDATES and not found:
            found = [path.with_name(FIRST_CANDIDATES) for path in places]
            found = [path for path in found if path.is_file()]
            if found:
                notes.append(
                    f"{found[0]} is taken, as there is no {CANDIDATES}, the list that is scored today"
                )
        if not found:
            missing.append(name)
            continue
        tables.append(found[0])
        notes += [
            f"{path} differs from {found[0]} and was skipped"
            for path in found[1:]
            if not filecmp.cmp(found[0], path, shallow=False)
        ]
    if missing:
        notes.append(
            f"no {', '.join(missing)} in {source}, its CSVFILES/ or evaluationScript/annotations/: "
            "classifying candidates needs them, nothing else does"
        )
    return tuple(tables), tuple(notes)
