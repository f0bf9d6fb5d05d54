"""LUNA16: ten subset folders of MetaImage files; a subset is a fold."""

from __future__ import annotations

import re
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError, Split
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import check_folder, walk, wrong

EXPECTED = """\
  subset0/1.3.6.1.4.1.14519….mhd, 1.3.6.1.4.1.14519….raw, …
  …
  subset9/…
  patients.csv                                             (optional: case,patient)"""
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
    for folder, names in walk(source):
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
                    f"{uid} is there twice: {cases[uid].images[0]} and {folder / name}; remove one"
                )
            cases[uid] = Case(uid, uid, (folder / name,), split=split_of_fold(fold), fold=fold, modality="ct")
    if not cases:
        raise wrong(source, "luna", EXPECTED)
    return Dataset("luna", source, with_patients(cases.values(), source), tissue="lung")
