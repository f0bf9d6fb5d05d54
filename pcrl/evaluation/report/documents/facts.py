"""What the record of an evaluation says, in the words of a model card and of a checklist."""

from __future__ import annotations

import math

from pcrl.evaluation.records.results import ArmResult, Metric, Results
from pcrl.evaluation.report.numbers import percent
from pcrl.evaluation.report.page import flat
from pcrl.evaluation.report.tables.headline import Cell, metric_of
from pcrl.evaluation.report.tables.seeds import seeds_of

_KINDS = {
    "dice": "image-segmentation",
    "auroc": "image-classification",
    "cpm": "image-classification",
}
"""End point → task as the Hugging Face Hub calls it. A network for nodules classifies crops around given candidates."""

_PRE_TRAINING = {"views", "corruption", "objective", "training"}
"""Sections of a recipe that no evaluation depends on."""
_FORMAT_1 = {"target": "lits", "views": "chexpert", "uncertain": "chexpert"}
"""Option → the one task that has it. Format 1 stores these three, whatever the task."""


def end_point(results: Results) -> Metric | None:
    """The metric by which arms are ranked; none where the record names none."""
    return next((metric for metric in results.metrics if metric.main), None)


def hub_task(results: Results) -> str:
    """Kind of the task as the Hugging Face Hub names it; `other` where it has no name."""
    metric = end_point(results)
    return _KINDS.get(metric.name, "other") if metric else "other"


def subject(results: Results) -> str:
    """What was evaluated: the task, and its data set where that has another name."""
    return results.task if results.task == results.dataset else f"{results.task} on {results.dataset}"


def doubts(results: Results) -> list[str]:
    """What makes all scores doubtful, before any note."""
    said = []
    if results.transductive:
        said.append(
            "Transductive: pre-training saw test patients. The scores are not those of unseen patients."
        )
    if results.virtual:
        said.append(
            f"Virtual or synthetic test cases: {results.virtual}. The scores say nothing about real patients."
        )
    return said


def numbers_of_patients(results: Results) -> str:
    """How many patients are on each side, of the first training."""
    validating = results.validation_patients
    validated = "not recorded" if validating is None else str(validating)
    of_first = ", both of the first training" if len(results.splits) > 1 else ""
    return f"training {results.training_patients}, validation {validated}{of_first}; test {results.test_patients}"


def share_of_labels(results: Results) -> str:
    """The share of the labels that was used, and whether it counts validation patients; empty where nobody says."""
    fraction = results.protocol.get("fraction")
    if not isinstance(fraction, int | float):
        return ""
    whose = "patients" if results.protocol.get("validation") == "budget" else "training patients"
    return f"{percent(fraction)} of the labelled {whose}"


def trained_how_often(results: Results) -> str:
    """Seeds and folds of an arm."""
    seeds = seeds_of(results)
    folds = sorted({run.fold for arm in results.arms for run in arm.runs if run.fold is not None})
    said = f"seeds {', '.join(map(str, seeds))}" if seeds else "no training is recorded"
    return f"{said}; folds {', '.join(map(str, folds))}" if folds else said


def cell_in_words(cell: Cell) -> str:
    """A score with its spread and its interval; where it has none, that is said."""
    if cell.exact is None or not math.isfinite(cell.exact):
        return "not defined"
    spread = f" ± {cell.sd}" if cell.sd else ""
    return f"{cell.value}{spread} ({cell.interval or 'no interval'})"


def weights_in_words(arm: ArmResult) -> str:
    """What an arm started from, with the digest of the weights."""
    digest = f"; SHA-256 of these weights: {arm.digest}" if arm.digest else ""
    missing = "; the record has no digest of these weights" if arm.checkpoint and not arm.digest else ""
    return f"{arm.about}{digest}{missing}"


def task_settings(results: Results) -> list[tuple[str, str]]:
    """Settings of the recipe that this task depends on; records of earlier versions hold others beside them."""
    end = end_point(results)
    tuning = {"finetuning"} if end and end.name == "cpm" else {"candidates"} if end else set()
    kept = {name: part for name, part in results.recipe.items() if name not in _PRE_TRAINING | tuning}
    return flat(kept)


def task_options(results: Results) -> list[tuple[str, str]]:
    """Options of the evaluation that its task has; records of format 1 hold those of other tasks beside them."""
    others = {name for name, task in _FORMAT_1.items() if results.format < 2 and results.task != task}
    return flat({name: value for name, value in results.protocol.items() if name not in others})


def settings_in_words(results: Results, *sections: str) -> str:
    """Settings of sections of the recipe that this task depends on, in a line."""
    before = tuple(f"{section}." for section in sections)
    return ", ".join(f"{name} = {value}" for name, value in task_settings(results) if name.startswith(before))


def scored_metrics(results: Results) -> list[Metric]:
    """Metrics for which there is a score, in their order."""
    names = dict.fromkeys(row.metric for arm in results.arms for row in arm.rows)
    return [metric_of(results, name) for name in names]
