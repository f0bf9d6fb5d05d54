"""Evaluating pre-training on a downstream task: what `pcrl eval` does, as one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from pcrl.evaluation.records.request import REQUEST, Request, load_request
from pcrl.evaluation.records.results import RESULTS, Results
from pcrl.evaluation.run.folders import new_folder, to_go_on_with
from pcrl.evaluation.run.new_request import arguments_given, call_in_words, new_request, refuse_changes
from pcrl.evaluation.run.opening import open_study
from pcrl.evaluation.run.progress import Progress
from pcrl.models.device import device_named


def evaluate(
    task: str,
    *,
    cache: str | PathLike[str] = "cache",
    dataset: str | None = None,
    fraction: float = 1.0,
    seeds: int = 1,
    arms: Sequence[str] = ("pretrained",),
    checkpoints: Sequence[str | Path] = (),
    runs: str | Path = "runs",
    learning_rates: Sequence[float] = (),
    folds: Sequence[int] = (),
    freeze: bool = False,
    epochs: int | None = None,
    recipe: str | Path | None = None,
    overrides: Sequence[str] = (),
    transductive: bool = False,
    different_people: bool = False,
    validation: str = "budget",
    options: Mapping[str, str] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    command: str | None = None,
    progress: Progress | None = None,
) -> Results:
    """Fine-tune with few labels, and score on patients that nothing has seen.

    What is asked is kept in the folder before the first training begins (`evaluation.json`), each training when it has
    ended (`runs/`), and tables, report and `results.json` at the end, that last of all: stopped at any time, it goes on
    with `resume=True`, and comes to what an undisturbed evaluation comes to.

    Args:
        task: a name in `pcrl.evaluation.tasks.registry.TASKS`, such as `lits`.
        cache: that `pcrl ingest` made.
        dataset: its name in the cache; needed of the tasks `segmentation` and `classification`, the others have one.
        fraction: share of the labelled patients, training and validation patients together, in (0, 1].
        seeds: trainings of each arm.
        arms: `pretrained`, `scratch`, … (`pcrl.evaluation.records.arm_kinds`), or names of objectives; all others are
            compared with the first.
        checkpoints: runs, checkpoints or imported weights, each an arm; none: the newest finished run that fits.
        runs: folder in which the newest run is looked for.
        learning_rates: of which validation patients choose one, for every arm and seed anew; none: the recipe's.
        folds: each is tested in turn; none: the split of the data set. Volumes only.
        freeze: the encoder stays as it is.
        epochs: of fine-tuning; none: the recipe's.
        recipe: built-in name or a TOML file; none: the one that the cache was made for.
        overrides: changed settings, such as `finetuning.batch_size=2`.
        transductive: allow pre-training to have seen test patients, and say so everywhere.
        different_people: state that test scans that look like scans of the pre-training are of other people.
        validation: `budget`: one in eight of the labelled patients that `fraction` allows chooses the epoch and the
            learning rate, none if that would be fewer than three, and the others train; `all`: `fraction` is of the
            training patients alone, and all validation patients choose.
        options: of the task, such as `{"target": "tumour"}`.
        out: new folder; none: `evaluations/TASK-DATE-TIME`.
        resume: go on with the evaluation in `out`, or the newest unfinished one of the task, as it was asked. Then
            only `out`, `device` and `progress` may be given.
        device: `auto`, `cpu` or `cuda`.
        command: what was typed, for the record; none: this call.
        progress: is told what happens.

    Returns:
        What `results.json` holds.

    Raises:
        ProtocolError: an evaluation that would mean nothing, such as one without patients on a side, or of weights
            that saw a test patient; a folder that holds something; nothing to go on with.
        CacheError: no such cache, or no such data set in it.
        RecipeError: a recipe, or a setting, that cannot be used.
        WeightsError, RunError: weights that cannot be read.
        LayoutError: tables of candidates that cannot be read.
        DeviceError: no such device.
        FloatingPointError: a loss became NaN or infinite at every learning rate.

    Example:
        >>> results = evaluate("lits", fraction=0.1, arms=("pretrained", "scratch"), seeds=3)
        >>> [(row.label, row.value) for row in results.arms[0].rows if row.metric == results.main.name]
    """
    arguments = arguments_given(evaluate, locals())
    watch, where = progress or Progress(), device_named(device)
    if resume:
        refuse_changes(arguments)
        folder, request = to_go_on_with(out, task, "eval", REQUEST, RESULTS, _asked)
        watch.resumed(folder, request.command)
    else:
        request = new_request(
            task, cache=cache, dataset=dataset, runs=runs, arms=arms, checkpoints=checkpoints, options=options,
            command=command or call_in_words("evaluate", arguments), fraction=fraction, seeds=seeds, folds=folds,
            learning_rates=learning_rates, freeze=freeze, epochs=epochs, recipe=recipe, overrides=overrides,
            transductive=transductive, different_people=different_people, validation=validation,
        )  # fmt: skip
        folder = new_folder(out, task, REQUEST)
    study = open_study(request, watch)
    watch.planned(study.planned(), folder)
    return study.carry_out(folder, where, watch)


def _asked(folder: Path) -> tuple[str, Request]:
    request = load_request(folder)
    return request.task, request
