"""The part of `pcrl eval` that is for images: classification."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import console, note_slow_reading, progress, user_errors
from .device import device_named
from .eval_images_table import show_results
from .eval_options import new_folder, pretrained_for, saw_test, shared_options
from .ingest_images import ingest_images

if TYPE_CHECKING:
    from collections.abc import Callable

    from pcrl.config import ImageRecipe
    from pcrl.engine.cache.images import CachedImages
    from pcrl.evaluation.classification import Arm

OWN = [
    click.option("--shuffled", is_flag=True, help="Also with shuffled labels, which must fall to chance."),
    click.option("--linear-probe", is_flag=True, help="Train the linear layer only; the encoder stays as it is."),
    click.option(
        "--views", type=click.Choice(["frontal", "all"]), default="frontal", show_default=True,
        help="Images of no stated view count as frontal.",
    ),
    click.option(
        "--uncertain", type=click.Choice(["ones", "zeros", "ignore"]), default="ones", show_default=True,
        help="What an uncertain label counts as in training.",
    ),
]  # fmt: skip


def _options(command: Callable[..., None]) -> Callable[..., None]:
    command = shared_options(command)
    for option in reversed(OWN):
        command = option(command)
    return command


@click.command()
@_options
def chexpert(**options: Any) -> None:
    """CheXpert: 14 observations are learnt, the five of the competition scored, per image and per study.

    The published valid (and test, if present) is scored, and chooses nothing. Without --checkpoint it takes the newest
    finished run that fits.

    \b
    Example:
      pcrl eval chexpert --fraction 0.1 --from-scratch --seeds 3
    """
    from pcrl.datasets.chexpert import COMPETITION

    _run("chexpert", "chexpert", COMPETITION, **options)


@click.command()
@_options
def chestxray(**options: Any) -> None:
    """ChestX-ray14: 14 findings, on the official test list.

    \b
    Example:
      pcrl eval chestxray --fraction 0.01 --from-scratch
    """
    _run("chestxray", "chestxray", None, **options)


@click.command()
@click.option("--dataset", help="Its name in the cache.")
@click.option(
    "--table", type=click.Path(path_type=Path), help="Labels of your own images; ingested if they are not."
)
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder that the paths in --table start from."
)
@click.option("--patient-column", help="Of --table.  [default: recognised by its name]")
@_options
def classification(
    dataset: str | None, table: Path | None, images: Path | None, patient_column: str | None, **options: Any
) -> None:
    """Classification on any labelled images: a data set of the cache, or a table and a folder of your own.

    \b
    Examples:
      pcrl eval classification --dataset chexpert --from-scratch
      pcrl eval classification --table labels.csv --images ~/radiographs --patient-column person
    """
    if (dataset is None) == (table is None) or (table is None) != (images is None):
        raise click.UsageError("give either --dataset, or --table together with --images")
    if table is not None and images is not None:
        dataset = _ingest(
            table, images, patient_column, options["cache"], options["recipe"], options["overrides"]
        )
    assert dataset is not None
    _run("classification", dataset, None, **options)


def _ingest(
    table: Path,
    images: Path,
    patient_column: str | None,
    cache: Path,
    recipe: str | None,
    overrides: tuple[str, ...],
) -> str:
    """Put images of a table into the cache, those that are not there; the data set's name."""
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.datasets.table import find
    from pcrl.engine.cache.format import DATASET_RECORD, CacheError
    from pcrl.engine.cache.lock import locked

    with user_errors(RecipeError, LayoutError, CacheError):
        found = find(table, images, patient_column=patient_column)
        if (cache / found.name / DATASET_RECORD).exists():
            raise CacheError(f"{cache}: {found.name} holds volumes: give the table another name")
        with locked(cache / found.name):
            ingest_images(found, cache, recipe, overrides, os.cpu_count() or 1)
        return found.name


def _run(
    task: str,
    dataset: str,
    scored: tuple[str, ...] | None,
    *,
    cache: Path,
    fraction: float,
    checkpoint: Path | None,
    from_scratch: bool,
    shuffled: bool,
    linear_probe: bool,
    views: Any,
    uncertain: Any,
    seeds: int,
    epochs: int | None,
    recipe: str | None,
    overrides: tuple[str, ...],
    transductive: bool,
    out: Path | None,
    device: str,
) -> None:
    from pcrl.config import RecipeError
    from pcrl.engine.cache.commit import write_text
    from pcrl.engine.cache.format import CacheError
    from pcrl.evaluation.classification import Protocol, evaluate
    from pcrl.evaluation.image_cohort import image_cohort
    from pcrl.evaluation.protocol import ProtocolError
    from pcrl.models.published import WeightsError
    from pcrl.training.run_folder import RunError

    with user_errors(RecipeError, CacheError, ProtocolError, WeightsError, RunError, FloatingPointError):
        where = device_named(device)
        images = _open(cache, dataset)
        settings = _recipe(images, recipe, overrides, epochs)
        cohorts = {seed: image_cohort(images, fraction, seed, views) for seed in range(seeds)}
        pretrained = pretrained_for(settings.model, checkpoint, cache, from_scratch)
        leaked = pretrained is not None and saw_test(pretrained, cohorts[0].tested(), transductive)
        if pretrained is not None:
            settings = settings.model_copy(update={"model": pretrained.model})
        arms = _arms(pretrained.state if pretrained else None, from_scratch, shuffled)
        out = new_folder(out, task)
        note_slow_reading()
        console.print(f"{dataset}: {cohorts[0].describe()}; fraction {fraction:g}. Results in {out}")
        for note in cohorts[0].notes():
            console.print(f"[yellow]note[/] {note}")
        protocol = Protocol(scored or images.table.label_names, uncertain, linear_probe)
        total = settings.finetuning.epochs
        with progress("epochs") as bar:
            line = bar.add_task("training", total=len(arms) * seeds * total)
            starts = {(arm.name, seed): k * total for k, (arm, seed) in enumerate(_pairs(arms, seeds))}

            def show(arm: str, seed: int, epoch: int, loss: float, area: float | None) -> None:
                text = f"{arm}, seed {seed}, epoch {epoch}: loss {loss:.3f}"
                text += f", validation AUROC {area:.3f}" if area is not None else ""
                bar.update(line, completed=starts[arm, seed] + epoch, description=text)
                if not console.is_terminal and (epoch % 5 == 0 or epoch == 1):
                    console.print(text)

            results = evaluate(arms, cohorts, images, protocol, settings, out, where, show)
            bar.update(line, completed=len(arms) * seeds * total)
        content = {
            "task": task,
            "dataset": dataset,
            "fraction": fraction,
            "views": views,
            "uncertain": uncertain,
            "linear_probe": linear_probe,
            "training_patients": len(set(cohorts[0].patients(cohorts[0].train))),
            "test_patients": len(set(cohorts[0].patients(cohorts[0].test))),
            "test_images": len(cohorts[0].test),
            "synthetic_images": cohorts[0].synthetic(),
            "notes": cohorts[0].notes(),
            "scored": list(protocol.scored),
            "labels": list(images.table.label_names),
            "checkpoint": str(pretrained.path) if pretrained else None,
            "start": pretrained.start if pretrained else None,
            "transductive": leaked,
            "recipe": settings.model_dump(mode="json"),
            **results,
        }
        write_text(out / "results.json", json.dumps(content, indent=1) + "\n")
    show_results(content)
    console.print(
        f"Written: {out / 'results.json'}; every score in {out / 'scores.csv'}; {out / 'split.json'}, "
        f"{out / 'roc.png'}, {out / 'calibration.png'}."
    )


def _open(cache: Path, dataset: str) -> CachedImages:
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.format import CacheError

    opened = Cache(cache)
    if dataset not in opened.names():
        how = (
            f"pcrl ingest --dataset {dataset} --cache {cache}"
            if dataset in ("chexpert", "chestxray")
            else f"pcrl eval classification --table {dataset}.csv --images FOLDER --cache {cache}"
        )
        raise CacheError(
            f"{cache} holds {', '.join(opened.names())}, not {dataset}. Ingest it first:\n  {how}"
        )
    return opened.image_set(dataset)


def _recipe(
    images: CachedImages, name: str | None, overrides: tuple[str, ...], epochs: int | None
) -> ImageRecipe:
    from pcrl.config import ImageRecipe, RecipeError, load_recipe, recipe_from

    settings = images.record.recipe if name is None else load_recipe(name)
    if not isinstance(settings, ImageRecipe):
        raise RecipeError(f"recipe {settings.name} is for volumes, {images.name} holds images")
    tree = settings.model_dump(mode="json")
    if epochs:
        tree["finetuning"]["epochs"] = epochs
    changed = recipe_from(tree, overrides)
    assert isinstance(changed, ImageRecipe)
    return changed


def _arms(state: Any, from_scratch: bool, shuffled: bool) -> list[Arm]:
    from pcrl.evaluation.classification import Arm

    arms = [Arm("pre-trained", state)] if state is not None else []
    if from_scratch:
        arms.append(Arm("from-scratch", None))
    if shuffled:
        arms.append(Arm("shuffled labels", state, shuffled=True))
    return arms


def _pairs(arms: list[Arm], seeds: int) -> list[tuple[Arm, int]]:
    return [(arm, seed) for arm in arms for seed in range(seeds)]
