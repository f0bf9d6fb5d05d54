"""`pcrl eval`: fine-tune with few labels, score on patients that nothing has seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from .console import console, progress, user_errors
from .device import device_named
from .eval_images import chestxray, chexpert, classification
from .eval_options import new_folder, pretrained_for, saw_test, shared_options

if TYPE_CHECKING:
    from pcrl.engine.cache.cache import CachedDataset
    from pcrl.evaluation.segmentation import Target


@click.group("eval")
def evaluate() -> None:
    """Score a pre-trained encoder on a task.

    \b
    Examples:
      pcrl eval lits --fraction 0.1
      pcrl eval chexpert --fraction 0.1
    """


for command in (chexpert, chestxray, classification):
    evaluate.add_command(command)


@evaluate.command()
@shared_options
def lits(**options: Any) -> None:
    """LiTS: segmentation of the liver (tumours in it belong to it).

    Without --checkpoint it takes the newest finished run that fits. Dice and HD95 are of the original grid.

    \b
    Example:
      pcrl eval lits --fraction 0.1 --from-scratch --seeds 3
    """
    from pcrl.evaluation.segmentation import Target

    _run("lits", "lits", Target(("liver",), ((1, 2),)), (-200.0, 200.0), **options)


@evaluate.command()
@click.option("--dataset", required=True, help="Its name in the cache.")
@shared_options
def segmentation(dataset: str, **options: Any) -> None:
    """Segmentation on any labelled data set of the cache; every label value is a class.

    \b
    Example:
      pcrl eval segmentation --dataset dataset009_spleen --fraction 0.5
    """
    _run("segmentation", dataset, None, None, **options)


def _run(
    task: str,
    dataset: str,
    target: Target | None,
    window: tuple[float, float] | None,
    *,
    cache: Path,
    fraction: float,
    checkpoint: Path | None,
    from_scratch: bool,
    seeds: int,
    epochs: int | None,
    recipe: str | None,
    overrides: tuple[str, ...],
    transductive: bool,
    out: Path | None,
    device: str,
) -> None:
    from pcrl.config import RecipeError, VolumeRecipe, load_recipe, recipe_from
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.commit import write_text
    from pcrl.engine.cache.format import CacheError
    from pcrl.evaluation.protocol import ProtocolError, cohort
    from pcrl.evaluation.segmentation import Arm, evaluate
    from pcrl.models.published import WeightsError
    from pcrl.training.run_folder import RunError

    with user_errors(RecipeError, CacheError, ProtocolError, WeightsError, RunError, FloatingPointError):
        opened = Cache(cache).dataset(dataset)
        stored = opened.record.recipe
        settings = recipe_from(stored.model_dump(mode="json")) if recipe is None else load_recipe(recipe)
        if not isinstance(settings, VolumeRecipe):
            raise RecipeError(f"recipe {settings.name} is for images, {dataset} holds volumes")
        tree = settings.model_dump(mode="json")
        if window is not None and settings.finetuning.window is None:
            tree["finetuning"]["window"] = list(window)
        if epochs:
            tree["finetuning"]["epochs"] = epochs
        model = recipe_from(tree, overrides).model
        target = target or _all_labels(opened)
        cohorts = {seed: cohort(opened, fraction, seed) for seed in range(seeds)}
        pretrained = pretrained_for(model, checkpoint, cache, from_scratch)
        leaked = False
        arms = []
        if pretrained is not None:
            leaked = saw_test(pretrained, cohorts[0].tested(), transductive)
            tree["model"] = pretrained.model.model_dump(mode="json")
            arms.append(Arm("pre-trained", pretrained.state))
        if from_scratch:
            arms.append(Arm("from-scratch", None))
        settings = recipe_from(tree, overrides)
        assert isinstance(settings, VolumeRecipe)
        out = new_folder(out, task)
        console.print(f"{dataset}: {cohorts[0].describe()}; fraction {fraction:g}. Results in {out}")
        with progress("epochs") as bar:
            line = bar.add_task("fine-tuning", total=len(arms) * seeds * settings.finetuning.epochs)

            def show(arm: str, seed: int, epoch: int, loss: float) -> None:
                text = f"{arm}, seed {seed}, epoch {epoch}: loss {loss:.3f}"
                bar.update(line, advance=1, description=text)
                if not console.is_terminal and epoch % 5 == 0:
                    console.print(text)

            results = evaluate(arms, cohorts, target, settings, out, device_named(device), show)
        content = {
            "task": task,
            "dataset": dataset,
            "fraction": fraction,
            "training_patients": len({case.patient for case in cohorts[0].train}),
            "checkpoint": str(pretrained.path) if pretrained else None,
            "start": pretrained.start if pretrained else None,
            "transductive": leaked,
            "recipe": settings.model_dump(mode="json"),
            "arms": results,
        }
        write_text(out / "results.json", json.dumps(content, indent=1) + "\n")
    _show(results, target, dataset, leaked)
    console.print(f"Written: {out / 'results.json'}, pictures in {out / 'overlays'}.")


def _all_labels(dataset: CachedDataset) -> Target:
    from pcrl.evaluation.protocol import ProtocolError
    from pcrl.evaluation.segmentation import Target

    names = dict(dataset.record.label_names)
    for case in dataset.cases:
        if case.has_label:
            names |= {v: f"label {v}" for v in case.label_record.values if v and v not in names}
    if not names:
        raise ProtocolError(
            f"{dataset.name} has no labels in the cache: add them to its source and ingest again"
        )
    return Target(tuple(names[v] for v in sorted(names)), tuple((v,) for v in sorted(names)))


def _show(results: dict[str, Any], target: Target, dataset: str, leaked: bool) -> None:
    stamp = " — TRANSDUCTIVE: pre-training saw test patients" if leaked else ""
    table = Table(
        "arm", "class", "patient", "Dice", "HD95 mm", title=f"{dataset}{stamp}", title_justify="left"
    )
    few = False
    for arm, result in results.items():
        for name in target.names:
            summary = result["summary"][name]
            for patient, scores in summary["patients"].items():
                table.add_row(arm, name, patient, f"{scores['dice']:.3f}", _number(scores["hd95"]))
            if "dice" in summary:
                dice, hd95 = summary["dice"], summary.get("hd95")
                spread = f"{hd95['mean']:.1f} ± {hd95['sd']:.1f}" if hd95 else "–"
                table.add_row(arm, name, "mean ± sd", f"{dice['mean']:.3f} ± {dice['sd']:.3f}", spread)
            else:
                few = True
            table.add_row(arm, name, "all voxels", f"{summary['global_dice']:.3f}", "")
    console.print(table)
    if few:
        console.print(
            "Fewer than three test patients: single values, no means. They say nothing about quality."
        )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.1f}"
