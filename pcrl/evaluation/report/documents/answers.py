"""What the record of an evaluation answers to the items of CLAIM: of data, of training."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from pcrl.evaluation.records.results import Results
from pcrl.evaluation.report.documents import facts


@dataclass(frozen=True, slots=True)
class Answer:
    """What the record says to an item.

    Args:
        where: it stands, as files of the evaluation's folder and fields of `results.json`.
        author: what is left to the author; empty if nothing.
    """

    text: str
    where: str
    author: str = ""


def answers_on_data(results: Results) -> dict[int, Answer]:
    """Answers to the items on the subject, the data and their partitions, by number of the item."""
    found = {
        1: Answer(
            f"Deep learning: a network is fine-tuned for the task {results.task}",
            "results.json: task",
            "title and abstract",
        ),
        7: Answer(
            f"Data set {results.dataset}",
            "results.json: dataset",
            "institutions, dates, and whether it is public",
        ),
        19: Answer(
            f"{results.patients}. {_sides(results)}",
            "splits.csv; results.json: splits",
            "who made the split",
        ),
        20: Answer(_level(results), "splits.csv; results.json: splits, transductive"),
        35: Answer(
            f"Number of patients: {facts.numbers_of_patients(results)}",
            "results.json: patients, training_patients, validation_patients, test_patients, notes",
            "who was excluded before the data were ingested, and why",
        ),
    }
    options = dict(facts.task_options(results))
    if preparation := facts.settings_in_words(results, "data"):
        found[9] = Answer(preparation, "results.json: recipe.data", "what was done before ingest")
    if share := facts.share_of_labels(results):
        chosen = [f"{name} = {options[name]}" for name in ("target", "views") if name in options]
        found[10] = Answer("; ".join([share, *chosen]), "results.json: protocol", "why these")
    if "uncertain" in options:
        found[12] = Answer(
            f"Uncertain observations: {options['uncertain']}",
            "results.json: protocol.uncertain",
            "other missing data",
        )
    if results.subgroups:
        groups = dict.fromkeys(
            f"{one.variable} {one.group}: {one.patients} patients" for one in results.subgroups
        )
        found[36] = Answer(
            f"Of the test set, by label: {'; '.join(groups)}",
            "subgroups.csv; results.json: subgroups",
            "training and validation patients, and clinical characteristics",
        )
    return found


def answers_on_training(results: Results) -> dict[int, Answer]:
    """Answers to the items on model and training, by number of the item."""
    found: dict[int, Answer] = {}
    if architecture := facts.settings_in_words(results, "model"):
        found[22] = Answer(architecture, "results.json: recipe.model", "a description in words, or a figure")
    if results.versions:
        versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
        found[23] = Answer(f"{versions}; machine: {results.machine}", "results.json: versions, machine")
    if results.arms:
        started = "; ".join(f"{arm.name}: {facts.weights_in_words(arm)}" for arm in results.arms)
        found[24] = Answer(
            started, "results.json: arms, about and digest", "how weights that were imported came about"
        )
    runs = [run for arm in results.arms for run in arm.runs]
    if not runs:
        return found
    tuning = facts.settings_in_words(results, "finetuning", "candidates")
    rates = ", ".join(dict.fromkeys(f"{run.learning_rate:g}" for run in runs))
    found[25] = Answer(
        f"{facts.trained_how_often(results)}; learning rate {rates}{'; ' * bool(tuning)}{tuning}",
        "runs.csv; results.json: recipe, arms, runs",
    )
    choice = "; ".join(dict.fromkeys(run.criterion for run in runs))
    epochs = ", ".join(str(epoch) for epoch in sorted({run.chosen_epoch for run in runs}))
    tried = dict.fromkeys(rate for run in runs for rate in run.rates_tried)
    among = f"; learning rates tried: {', '.join(tried)}" if len(tried) > 1 else ""
    found[26] = Answer(
        f"{choice}; epochs kept: {epochs}{among}",
        "runs.csv; results.json: criterion, chosen_epoch, rates_tried",
    )
    found[27] = Answer(
        "None: every network is scored by itself; scores of seeds are averaged, predictions are not",
        "seeds.csv; results.json: by_seed",
    )
    return found


def _sides(results: Results) -> str:
    if not results.splits:
        return "The record does not name the cases."
    counts = dict.fromkeys(
        f"{len(side.train)} training, {len(side.validation)} validation, {len(side.test)} test cases"
        for side in results.splits
    )
    return f"Cases by seed and fold: {'; '.join(counts)}."


def _level(results: Results) -> str:
    """What pcrl keeps apart, and whether the names in this record agree."""
    said = "Patient: pcrl puts all cases of a patient on one side. "
    shared = sum(
        len(set(one) & set(other))
        for side in results.splits
        for one, other in combinations((side.train, side.validation, side.test), 2)
    )
    if not results.splits:
        said += "The record does not name the cases, so this cannot be seen in it."
    elif shared:
        said += f"But {shared} names of cases are on two sides of a split: do not publish before that is explained."
    else:
        said += "No name of a case is on two sides of a split."
    return said + (" Transductive: pre-training saw test patients." if results.transductive else "")
