"""The results of an evaluation: the one record that tables, CSV, curves over fractions and the report are made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pcrl.evaluation.records.stored import load_stored
from pcrl.files import Record, save_record

FORMAT = 2
"""2: metrics say how they are defined, and scores of labels that nobody has are undefined. Format 1 is read as well."""
RESULTS = "results.json"
EARLIER = "made by an earlier version, over patients alone"
Interval = tuple[float, float]


class Metric(Record):
    """A number that is reported: its key in the rows, its title and unit, and which way is better.

    Args:
        better: `nearer`: the nearer to `ideal`; `neither`: it is there for comparison.
        main: the end point: by this arms are ranked, curves over fractions drawn.
        within: where it can be at all; none: nobody says.
        summary: what stands for all patients, where each has a value.
        detail: it is shown after the others, in a table of its own.
        definition: in a sentence, what it is and what counts where it is not defined.
    """

    name: str
    title: str
    unit: str = ""
    better: Literal["higher", "lower", "nearer", "neither"] = "higher"
    main: bool = False
    ideal: float | None = None
    within: Interval | None = None
    summary: Literal["mean", "median"] = "mean"
    detail: bool = False
    definition: str = ""


class Row(Record):
    """A line of the headline table: a metric of a label, of one arm, over all test patients.

    Args:
        label: what is scored (an organ, a finding), or `mean` of several.
        value: mean over seeds; none where it is not defined.
        by_seed: score of each seed; none where it is not defined.
        sd: over patients, each averaged over seeds, where the metric is a mean over them and there are three or more.
        interval: 95 %, over patients and seeds; with one seed over patients alone.
        why: why there is no interval; empty where there is one.
        counts: what stands behind it, such as positives and negatives.
        beside: of a further test set, which is scored beside that of the end point.
    """

    label: str
    metric: str
    value: float | None
    by_seed: dict[int, float | None] = Field(default_factory=dict)
    sd: float | None = None
    interval: Interval | None = None
    why: str = ""
    patients: int
    counts: dict[str, int] = Field(default_factory=dict)
    beside: bool = False


class CaseRow(Record):
    """A test case of one arm: its metrics by name, averaged over seeds; none where undefined in all of them."""

    case: str
    patient: str
    virtual: bool
    label: str
    values: dict[str, float | None]


class Run(Record):
    """One training: of an arm, with a seed, in a fold, at the learning rate with the best validation score.

    Args:
        losses: mean of each epoch.
        validations: (epoch, score), higher is better; by this the epoch was chosen.
        criterion: what the validation score is, in words.
        stopped: `early` when no epoch had been better for a while, `limit` when all epochs were done.
        rates_tried: learning rate → best validation score; none where there are no validation patients.
        folder: relative to the evaluation's; holds the weights.
        validation_patients: who chose; none in evaluations of earlier versions, which did not count them.
        steps: of the optimiser; none in evaluations of earlier versions.
        digest: SHA-256 of the file with the fine-tuned weights; none where there is no such file.
    """

    seed: int
    fold: int | None
    learning_rate: float
    rates_tried: dict[str, float | None]
    losses: tuple[float, ...]
    validations: tuple[tuple[int, float], ...]
    criterion: str
    chosen_epoch: int
    stopped: Literal["early", "limit"]
    training_patients: int
    seconds: float
    folder: str
    validation_patients: int | None = None
    steps: int | None = None
    digest: str | None = None

    @property
    def labelled_patients(self) -> int | None:
        """How many labelled patients were used in all, to train and to validate."""
        return in_all(self.training_patients, self.validation_patients)


class ArmResult(Record):
    """All of one arm.

    Args:
        about: what the weights were at the start, in words.
        digest: SHA-256 of the weights that the arm was made from; none without any, and in records that lack it.
    """

    name: str
    about: str
    checkpoint: str | None
    runs: tuple[Run, ...]
    rows: tuple[Row, ...]
    cases: tuple[CaseRow, ...]
    digest: str | None = None


class Subgroup(Record):
    """A score of the test images of one group, such as those of women; of one arm, seeds averaged first.

    Args:
        part: published test set that they are of; empty where there is one test set.
        variable, group: such as `sex` and `female`.
        label: what is scored, or `mean` of several.
        value: none where it is not defined, or too few patients have the finding, or do not have it.
        interval: 95 %, over patients and seeds; with one seed over patients alone.
        why: why there is no interval; empty where there is one, or no value.
        images, patients: those that count for the label.
        positives, negatives: images; none of a mean.
    """

    arm: str
    part: str
    variable: str
    group: str
    label: str
    metric: str
    value: float | None
    interval: Interval | None
    why: str = ""
    images: int
    patients: int
    positives: int | None
    negatives: int | None


class Comparison(Record):
    """The difference `arm` − `minus` of a metric of a label, paired: over the same test patients, seed by seed.

    Args:
        by_seed: difference of the two trainings of each seed.
        interval: 95 %, over patients and seeds.
        p: two-sided, over patients and seeds.
        p_holm: the same, corrected for all comparisons of its family (Holm).
        why: why there is no interval, or no p; empty where nothing is missing.
        beside: on a further test set, which is scored beside that of the end point, and whose comparisons are a family
            of their own.
    """

    label: str
    metric: str
    arm: str
    minus: str
    difference: float
    by_seed: dict[int, float] = Field(default_factory=dict)
    interval: Interval | None
    p: float | None
    p_holm: float | None = None
    why: str = ""
    patients: int
    beside: bool = False


class Line(Record):
    """A curve to draw: ROC (false against true positive rate) or FROC (false positives a scan against sensitivity)."""

    kind: Literal["roc", "froc"]
    arm: str
    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Picture(Record):
    """A picture of a case; `file` is relative to the evaluation's folder."""

    arm: str
    label: str
    rank: Literal["best", "median", "worst"]
    case: str
    metric: str
    value: float
    file: str


class Side(Record):
    """Names of the cases on each side, of one seed and fold. Of images, the names of the images."""

    seed: int
    fold: int | None
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


class Results(Record):
    """An evaluation.

    Args:
        task, dataset: such as `lits`; several tasks can be asked of one data set.
        command: as typed.
        protocol: the options: fraction, seeds, folds, learning rates, frozen, …; plain values.
        patients: how many are on each side, in words.
        training_patients, validation_patients: of the first training; of earlier versions, the second is not known.
        notes: what a reader must know beside the numbers.
        transductive: pre-training saw test patients; every table says so.
        virtual: test cases that are generated and of no patient.
        recipe: the settings that the task has; those of pre-training are in the record of its run.
        versions, machine: what it ran on.
        subgroups: scores of parts of the test images, where they were asked for.
        trained_on: data set that the networks were trained on, where another one is tested; else empty.
        evaluation: folder of the evaluation that trained them, then.
    """

    format: int = FORMAT
    task: str
    dataset: str
    command: str
    created: str
    seconds: float
    protocol: dict[str, Any]
    patients: str
    training_patients: int
    test_patients: int
    notes: tuple[str, ...]
    transductive: bool
    virtual: int
    metrics: tuple[Metric, ...]
    arms: tuple[ArmResult, ...]
    comparisons: tuple[Comparison, ...]
    lines: tuple[Line, ...]
    pictures: tuple[Picture, ...]
    splits: tuple[Side, ...]
    recipe: dict[str, Any]
    versions: dict[str, str]
    machine: str
    validation_patients: int | None = None
    subgroups: tuple[Subgroup, ...] = ()
    trained_on: str = ""
    evaluation: str = ""

    @property
    def labelled_patients(self) -> int | None:
        """How many labelled patients were used in all, to train and to validate; none where that is not known."""
        return in_all(self.training_patients, self.validation_patients)

    @property
    def main(self) -> Metric:
        """The end point."""
        return next(metric for metric in self.metrics if metric.main)


def in_all(training: int, validation: int | None) -> int | None:
    """Patients whose labels were used, to train and to validate; none where the latter were not counted."""
    return None if validation is None else training + validation


def save_results(results: Results, folder: Path) -> None:
    """Write `results.json`."""
    save_record(results, folder / RESULTS)


def load_results(folder: Path) -> Results:
    """Read `results.json` of an evaluation's folder.

    Tests and intervals of differences that earlier versions made over patients alone are left out.

    Raises:
        ProtocolError: missing, damaged, or of another version of pcrl.
    """
    results = load_stored(
        Results, folder / RESULTS, "it holds no finished evaluation: continue it with --resume"
    )
    earlier = {"interval": None, "p": None, "p_holm": None, "why": EARLIER}
    comparisons = tuple(
        each if each.by_seed else each.model_copy(update=earlier) for each in results.comparisons
    )
    return results.model_copy(update={"comparisons": comparisons})
