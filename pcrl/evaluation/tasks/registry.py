"""The downstream tasks: all that the commands, an evaluation and a prediction have to know of each, in one place.

A new task is an entry here, and the files that the entry names. Nothing heavy is imported, as `--help` reads this; what
an entry names is imported when the task is carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from pcrl.evaluation.records.errors import ProtocolError

_VOLUMES, _IMAGES = "pcrl.evaluation.cohorts.volumes", "pcrl.evaluation.cohorts.images"
_SEGMENTATION = "pcrl.evaluation.tasks.segmentation"
_CANDIDATES = "pcrl.evaluation.tasks.candidates"
_CLASSIFICATION = "pcrl.evaluation.tasks.classification"


@dataclass(frozen=True, slots=True)
class Option:
    """An option that only some tasks have; `--NAME` on the command line.

    Args:
        per_label: beside one of `choices`, or instead of it, `LABEL=CHOICE` may be given for single labels, separated
            by commas.
        several: several of `choices` may be given, separated by commas.
        alone: what it stands for without a value; empty: it needs one.
    """

    name: str
    choices: tuple[str, ...]
    default: str
    help: str
    per_label: bool = False
    several: bool = False
    alone: str = ""

    def accepts(self, value: str) -> bool:
        """Whether a value can be meant; which labels there are is not known here."""
        if not (self.per_label or self.several):
            return value in self.choices
        parts = [part.strip() for part in value.split(",")]
        if self.several:
            return all(part in self.choices for part in parts)
        plain = [part for part in parts if "=" not in part]
        named = [part.rpartition("=") for part in parts if "=" in part]
        return (
            len(plain) <= 1
            and all(part in self.choices for part in plain)
            and all(label.strip() and choice.strip() in self.choices for label, _, choice in named)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """A downstream task.

    Args:
        kind: what a network predicts.
        data: what its data set holds, and so the kind of recipe and of network.
        about: paragraphs of help, the first of them one line; `examples` are calls of `pcrl eval`.
        dataset: its name in the cache; none: one of the user's own, which `--dataset` names.
        folds: whether it can be cross-validated (`--folds`).
        options: those that only some tasks have.
        layout: published layout in which `pcrl predict` finds its cases; none: files, and folders of them.
        cohorts: `module:function` that divides the patients: `(data set, Design)` to
            `pcrl.evaluation.cohorts.cohorts.Cohorts`.
        opens: `module:function` that makes the task: `(cohorts, recipe, options)` to `pcrl.evaluation.tasks.task.Task`.
        elsewhere: `module:function` that makes the task of another data set, on which its networks are tested:
            `(task, data set, pcrl.evaluation.tasks.task.Elsewhere)` to cohorts and task.
        predicts: `module:class` of what predicts new inputs: `(Trained, Inputs, device)` to
            `pcrl.evaluation.tasks.predictor.Predictor`.
    """

    name: str
    kind: Literal["segmentation", "classification", "candidates"]
    data: Literal["volumes", "images"]
    about: str
    examples: tuple[str, ...]
    dataset: str | None
    folds: bool = False
    options: tuple[Option, ...] = ()
    layout: str | None = None
    cohorts: str
    opens: str
    elsewhere: str
    predicts: str

    @property
    def settings(self) -> tuple[str, ...]:
        """Sections of a recipe that an evaluation of this task depends on; the others are of pre-training."""
        tuning = "candidates" if self.kind == "candidates" else "finetuning"
        return "name", "about", "dimensions", "data", "model", tuning

    def with_defaults(self, options: Mapping[str, str]) -> dict[str, str]:
        """All options of this task: those that are given, and the defaults of the others.

        Raises:
            ProtocolError: an option that the task does not have, or a value that the option does not.
        """
        known = {option.name: option for option in self.options}
        for name, value in options.items():
            if name not in known:
                raise ProtocolError(f"{self.name} has no --{name}")
            if not known[name].accepts(value):
                single = " or LABEL=CHOICE for single labels" if known[name].per_label else ""
                raise ProtocolError(
                    f"--{name} {value}: {self.name} has {', '.join(known[name].choices)}{single}"
                )
        return {name: option.default for name, option in known.items()} | dict(options)


VALIDATIONS = ("budget", "all")
"""Who chooses the epoch, and the learning rate."""
TEST_PATIENTS = ("all", "test")
"""Which patients of another data set are tested: all, or those of its own test split."""
FRACTION_HELP = "Share of the labelled patients that may be used, to train and to validate."
VALIDATION_HELP = (
    "Who chooses the epoch and the learning rate. budget: of the labelled patients that --fraction allows, one in "
    "eight; where that is fewer than three, nobody, and the last epoch is kept. all: all validation patients, whose "
    "labels come on top of --fraction, which is of the training patients then."
)
FOLDS_HELP = (
    "Cross-validation: test these folds in turn. LUNA16 has its own ten, other data sets five.  [default: the "
    "split of the data set]"
)
TARGET = Option(
    "target", ("liver", "tumour"), "liver",
    "Segment the liver (with its tumours), or the liver and the tumours separately.",
)  # fmt: skip
VIEWS = Option(
    "views", ("frontal", "all"), "frontal", "Views to use; images whose view is not stated count as frontal."
)
UNCERTAIN = Option(
    "uncertain", ("published", "ones", "zeros", "ignore"), "published",
    "How an uncertain label counts in training and validation: ones as positive, zeros as negative, ignore not at all; "
    "published: of CheXpert's observations, Atelectasis and Edema as positive, all others as negative (Irvin et al. "
    "2019, table 3; Yuan et al. 2021), and labels of other data sets as positive. For single labels: Edema=zeros,…; "
    "the others are as published, or as a choice without label says.",
    per_label=True,
)  # fmt: skip
SUBGROUPS = Option(
    "subgroups", ("none", "all", "sex", "age", "projection"), "none",
    "Scores by sex, age and projection (AP or PA) as well, with the numbers of images and patients; without a value, "
    "by all of them. Undefined where fewer than five patients have, or do not have, the finding.",
    several=True, alone="all",
)  # fmt: skip

_ENTRIES = (
    TaskEntry(
        name="lits",
        kind="segmentation",
        data="volumes",
        about="LiTS: segmentation of the liver, or of the liver and the tumours in it.\n\n"
        "Without --checkpoint it takes the newest finished run that fits. Dice, HD95 and NSD are of the original grid.",
        examples=(
            "pcrl eval lits --fraction 0.1 --from-scratch --seeds 3",
            "pcrl eval lits --run evaluations/lits-20261125-120000 --test-on dataset003_liver",
        ),
        dataset="lits",
        folds=True,
        options=(TARGET,),
        cohorts=f"{_VOLUMES}:labelled_cases",
        opens=f"{_SEGMENTATION}.datasets.lits:open_task",
        elsewhere=f"{_SEGMENTATION}.datasets.elsewhere:open_elsewhere",
        predicts=f"{_SEGMENTATION}.predictor:VolumePredictor",
    ),
    TaskEntry(
        name="brats",
        kind="segmentation",
        data="volumes",
        about="BraTS: whole tumour, tumour core and enhancing tumour in four MR sequences.",
        examples=("pcrl eval brats --fraction 0.1 --from-scratch",),
        dataset="brats",
        folds=True,
        layout="brats",
        cohorts=f"{_VOLUMES}:labelled_cases",
        opens=f"{_SEGMENTATION}.datasets.brats:open_task",
        elsewhere=f"{_SEGMENTATION}.datasets.elsewhere:open_elsewhere",
        predicts=f"{_SEGMENTATION}.predictor:VolumePredictor",
    ),
    TaskEntry(
        name="luna",
        kind="candidates",
        data="volumes",
        about="LUNA16: classification of candidates as nodule or not. AUROC, FROC and CPM over the candidates of "
        "the test scans.\n\ncandidates_V2.csv and annotations.csv are copied into the cache with the scans.",
        examples=(
            "pcrl eval luna --fraction 0.1 --from-scratch",
            "pcrl eval luna --arms scratch --folds 0-9",
        ),
        dataset="luna",
        folds=True,
        cohorts=f"{_VOLUMES}:all_cases",
        opens=f"{_CANDIDATES}.luna:open_task",
        elsewhere=f"{_CANDIDATES}.luna:open_elsewhere",
        predicts=f"{_CANDIDATES}.predictor:CandidatePredictor",
    ),
    TaskEntry(
        name="segmentation",
        kind="segmentation",
        data="volumes",
        about="Segmentation of any labelled data set in the cache; every label value is a class.",
        examples=("pcrl eval segmentation --dataset dataset009_spleen --fraction 0.5",),
        dataset=None,
        folds=True,
        cohorts=f"{_VOLUMES}:labelled_cases",
        opens=f"{_SEGMENTATION}.datasets.labelled:open_task",
        elsewhere=f"{_SEGMENTATION}.datasets.elsewhere:open_elsewhere",
        predicts=f"{_SEGMENTATION}.predictor:VolumePredictor",
    ),
    TaskEntry(
        name="chexpert",
        kind="classification",
        data="images",
        about="CheXpert: 14 observations are learnt, the five of the competition scored, per image and per "
        "study.\n\nThe published valid and, if present, test are only scored, each on its own: they never choose an "
        "epoch. The end point is of test; where it is absent, of valid.",
        examples=("pcrl eval chexpert --fraction 0.1 --from-scratch --seeds 3",),
        dataset="chexpert",
        options=(VIEWS, UNCERTAIN, SUBGROUPS),
        cohorts=f"{_IMAGES}:images_of_views",
        opens=f"{_CLASSIFICATION}.opening:competition_scored",
        elsewhere=f"{_CLASSIFICATION}.subsets.elsewhere:open_elsewhere",
        predicts=f"{_CLASSIFICATION}.predictor:ImagePredictor",
    ),
    TaskEntry(
        name="chestxray",
        kind="classification",
        data="images",
        about="ChestX-ray14: 14 findings, on the official test list.",
        examples=("pcrl eval chestxray --fraction 0.01 --from-scratch",),
        dataset="chestxray",
        options=(VIEWS, UNCERTAIN, SUBGROUPS),
        cohorts=f"{_IMAGES}:images_of_views",
        opens=f"{_CLASSIFICATION}.opening:all_scored",
        elsewhere=f"{_CLASSIFICATION}.subsets.elsewhere:open_elsewhere",
        predicts=f"{_CLASSIFICATION}.predictor:ImagePredictor",
    ),
    TaskEntry(
        name="classification",
        kind="classification",
        data="images",
        about="Classification on any labelled images: a data set of the cache, or a table and a folder of your own.",
        examples=(
            "pcrl eval classification --dataset chexpert --from-scratch",
            "pcrl eval classification --table labels.csv --images ~/radiographs --patient-column person",
        ),
        dataset=None,
        options=(VIEWS, UNCERTAIN, SUBGROUPS),
        cohorts=f"{_IMAGES}:images_of_views",
        opens=f"{_CLASSIFICATION}.opening:all_scored",
        elsewhere=f"{_CLASSIFICATION}.subsets.elsewhere:open_elsewhere",
        predicts=f"{_CLASSIFICATION}.predictor:ImagePredictor",
    ),
)
TASKS: Mapping[str, TaskEntry] = {entry.name: entry for entry in _ENTRIES}


def entry_of(task: str) -> TaskEntry:
    """The entry of a task.

    Raises:
        ProtocolError: no such task.
    """
    if task not in TASKS:
        raise ProtocolError(f"no task {task!r}; there are {', '.join(TASKS)}")
    return TASKS[task]


def named(reference: str) -> Any:
    """What `module:name` stands for; the module is imported now."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
