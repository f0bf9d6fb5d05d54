"""`splits_final.json`: which cases validate in which fold, and what is tested if nothing else is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pcrl.datasets.case import LayoutError, Split
from pcrl.datasets.layouts.volumes.nnunet.text import read_json
from pcrl.listing import counted, few

FILE = "splits_final.json"


@dataclass(frozen=True, slots=True)
class Splits:
    """Split and fold of training cases, by name; those not listed are left to the hash.

    Args:
        folds: of each case, if the folds of the file divide all labelled cases among them.
    """

    splits: dict[str, Split] = field(default_factory=dict)
    folds: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_splits(root: Path, cases: Collection[str], labelled: Collection[str], has_test: bool) -> Splits:
    """What `splits_final.json` says of the training cases; nothing if there is no such file.

    Fold 0 gives the validation cases. Without labelled test cases, the validation cases of fold 1 are the test set: the
    file knows none. If it has one fold only, the hash takes a test set out of the other cases.

    Args:
        cases: names of the training cases; `labelled` are those with a label.
        has_test: there are labelled test cases.

    Raises:
        LayoutError: not a list of folds with train and val.
    """
    path = root / FILE
    if not path.is_file():
        return Splits()
    folds = [set(fold) & set(cases) for fold in _validation(path, read_json(path))]
    listed = set().union(*folds)
    if not folds or not folds[0]:
        note = (
            f"{path} names no case that is here for validation in fold 0: it is of another data set, or its names "
            "differ. It is passed over, and a hash of the patient decides"
        )
        return Splits(notes=(note,))
    notes: list[str] = []
    splits: dict[str, Split] = {name: "val" if name in folds[0] else "train" for name in cases}
    if not has_test:
        second = folds[1] - folds[0] if len(folds) > 1 else set()
        if second & set(labelled):
            splits |= dict.fromkeys(second, "test")
            notes.append(
                f"{path} divides cases into training and validation only, and there are no labelled test cases in "
                f"imagesTs and labelsTs: the {counted(len(second), 'validation case')} of its fold 1 are the test set "
                f"({few(sorted(second))}); with --folds each fold is tested in turn"
            )
        else:
            splits = dict.fromkeys(folds[0], "val")
            notes.append(
                f"{path} has one fold, of training and validation only, and there are no labelled test cases in "
                "imagesTs and labelsTs: a hash of the patient takes some of the training cases out for the test"
            )
    divide = set(labelled) <= listed and sum(map(len, folds)) == len(listed)
    if not divide or has_test or len(folds) < 3:
        return Splits(splits, {}, tuple(notes))
    return Splits(splits, {name: number for number, fold in enumerate(folds) for name in fold}, tuple(notes))


def _validation(path: Path, content: Any) -> list[list[str]]:
    """Names of the validation cases of each fold."""
    if isinstance(content, list) and all(
        isinstance(fold, dict) and isinstance(fold.get("val"), list) for fold in content
    ):
        return [[str(name) for name in fold["val"]] for fold in content]
    raise LayoutError(
        f'{path}: expected a list of folds, such as [{{"train": ["case_1"], "val": ["case_2"]}}, …]'
    )
