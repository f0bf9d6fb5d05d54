"""`pcrl eval`: fine-tune with few labels, score on patients that nothing has seen."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from .console import console, progress, user_errors
from .device import DEVICE, device_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from pcrl.config import Recipe
    from pcrl.engine.cache.cache import CachedDataset
    from pcrl.evaluation.runs import Pretrained
    from pcrl.evaluation.segmentation import Target


@click.group("eval")
def evaluate() -> None:
    """Score a pre-trained encoder on a task.

    \b
    Example:
      pcrl eval lits --fraction 0.1
    """


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True),
            click.option(
                "--fraction", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True,
                help="Share of the labelled training patients.",
            ),
            click.option(
                "--checkpoint", type=click.Path(path_type=Path),
                help="Run, checkpoint or imported weights.  [default: newest compatible run in ./runs]",
            ),
            click.option("--from-scratch", is_flag=True, help="Also the same network without pre-training."),
            click.option("--seeds", type=click.IntRange(1), default=1, show_default=True),
            click.option("--epochs", type=click.IntRange(1), help="Epochs of fine-tuning.  [default: the recipe's]"),
            click.option("--recipe", help="[default: the one the cache was made for]"),
            click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting."),
            click.option("--transductive", is_flag=True, help="Allow test patients in pre-training, and say so."),
            click.option("--out", type=click.Path(path_type=Path), help="[default: evaluations/TASK-DATE-TIME]"),
            DEVICE,
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@evaluate.command()
@_options
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
@_options
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
    from pcrl.config import RecipeError, load_recipe, recipe_from
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.cache.commit import write_text
    from pcrl.engine.cache.format import CacheError
    from pcrl.evaluation.protocol import ProtocolError, check_leak, cohort
    from pcrl.evaluation.segmentation import Arm, evaluate
    from pcrl.models.published import WeightsError
    from pcrl.training.run_folder import RunError

    with user_errors(RecipeError, CacheError, ProtocolError, WeightsError, RunError, FloatingPointError):
        opened = Cache(cache).dataset(dataset)
        stored = opened.record.recipe
        settings = recipe_from(stored.model_dump(mode="json")) if recipe is None else load_recipe(recipe)
        tree = settings.model_dump(mode="json")
        if window is not None and settings.finetuning.window is None:
            tree["finetuning"]["window"] = list(window)
        if epochs:
            tree["finetuning"]["epochs"] = epochs
        settings = recipe_from(tree, overrides)
        target = target or _all_labels(opened)
        cohorts = {seed: cohort(opened, fraction, seed) for seed in range(seeds)}
        pretrained = _pretrained(checkpoint, settings, cache, from_scratch)
        leaked = False
        arms = []
        if pretrained is not None:
            if pretrained.record is None or not pretrained.record.start_known:
                console.print(
                    f"[yellow]note[/] not everything that {pretrained.path} was pre-trained on is known: make sure "
                    "that no test patient is among it"
                )
            if pretrained.record is not None:
                leaked = check_leak(pretrained.record, str(pretrained.path), cohorts[0].test, transductive)
            tree["model"] = pretrained.model.model_dump(mode="json")
            settings = recipe_from(tree, overrides)
            arms.append(Arm("pre-trained", pretrained.state))
        if from_scratch:
            arms.append(Arm("from-scratch", None))
        out = out or Path("evaluations") / f"{task}-{datetime.now():%Y%m%d-%H%M%S}"
        if out.exists() and any(out.iterdir()):
            raise ProtocolError(f"{out} is not empty: give another --out")
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
            "transductive": leaked,
            "recipe": settings.model_dump(mode="json"),
            "arms": results,
        }
        write_text(out / "results.json", json.dumps(content, indent=1) + "\n")
    _show(results, target, dataset, leaked)
    console.print(f"Written: {out / 'results.json'}, pictures in {out / 'overlays'}.")


def _pretrained(
    checkpoint: Path | None, settings: Recipe, cache: Path, from_scratch: bool
) -> Pretrained | None:
    from pcrl.evaluation.protocol import ProtocolError
    from pcrl.evaluation.runs import newest_compatible, open_run

    if checkpoint is not None:
        return open_run(checkpoint)
    found, passed_over = newest_compatible(Path("runs"), settings.model)
    for line in passed_over:
        console.print(f"[yellow]passed over[/] {line}")
    if found is not None:
        console.print(f"Pre-trained weights: {found.path}, the newest compatible run.")
    elif not from_scratch:
        raise ProtocolError(
            f"no finished run in ./runs fits. Make one:\n  pcrl pretrain --cache {cache}\nor give --checkpoint, or "
            "--from-scratch for the network without pre-training"
        )
    return found


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
