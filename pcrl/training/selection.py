"""Which cases pre-training may see: never a patient that an evaluation could be scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pcrl.config import TissueRule
from pcrl.engine.cache.cache import CachedCase, CachedDataset


@dataclass(frozen=True, slots=True)
class Selection:
    """The cases to train on, each with its tissue rule, and how many were held back."""

    cases: tuple[CachedCase, ...]
    rules: tuple[TissueRule, ...]
    held_back: int


def select(datasets: Sequence[CachedDataset], whole_cache: Sequence[CachedDataset], tissue: str) -> Selection:
    """Training patients, and all cases of data sets that have neither labels nor folds.

    A patient whom any data set of the cache holds for validation or test is left out everywhere.

    Args:
        datasets: what to train on.
        whole_cache: every data set of the cache, for the patients held back there.
        tissue: `auto` for the rule of each data set, or the rule for all.
    """
    held = {
        case.patient
        for dataset in whole_cache
        if _is_scored(dataset)
        for case in dataset.cases
        if case.split != "train"
    }
    cases: list[CachedCase] = []
    rules: list[TissueRule] = []
    held_back = 0
    for dataset in datasets:
        rule: TissueRule = dataset.record.tissue if tissue == "auto" else tissue  # type: ignore[assignment]
        scored = _is_scored(dataset)
        for case in dataset.cases:
            if case.patient in held or (scored and case.split != "train"):
                held_back += 1
            else:
                cases.append(case)
                rules.append(rule)
    return Selection(tuple(cases), tuple(rules), held_back)


def _is_scored(dataset: CachedDataset) -> bool:
    """Whether an evaluation could be scored on some of it."""
    return any(case.has_label or case.entry.fold is not None for case in dataset.cases)
