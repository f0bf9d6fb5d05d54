"""How the scores of a classifier are shown."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from .console import console


def show_results(content: dict[str, Any]) -> None:
    """A row for each arm and label, and what should be known of the numbers; from what `results.json` holds."""
    patients = content["training_patients"]
    title = f"{content['dataset']}, fraction {content['fraction']:g}: {patients} training patient{'s'[: patients != 1]}"
    if content["linear_probe"]:
        title += ", linear probe"
    if content["transductive"]:
        title += " — TRANSDUCTIVE: pre-training saw test patients"
    table = Table(
        "arm", "label", "AUROC per image", "per study", "positive", "negative", "calibration error",
        title=title, title_justify="left",
    )  # fmt: skip
    sure = True
    for arm, result in content["arms"].items():
        images, studies = result["summary"]["images"], result["summary"]["studies"]
        for label, of_images in images["labels"].items():
            of_studies = studies["labels"][label]
            fit = of_images["calibration"]
            table.add_row(
                arm, label, _area(of_images), _area(of_studies), str(of_images["positives"]),
                str(of_images["negatives"]), f"{fit['error']:.3f}" if fit else "",
            )  # fmt: skip
        table.add_row(
            arm, "mean", _area(images["mean"]), _area(studies["mean"]), "", "", "", end_section=True
        )
        sure = sure and images["mean"]["interval"] is not None
    console.print(table)
    for pair in content["differences"]:
        if pair["interval"]:
            low, high = pair["interval"]
            console.print(
                f"Mean AUROC per image, {pair['arm']} − {pair['minus']}: 95 % interval {low:+.3f} to {high:+.3f}"
            )
    for note in (*_undefined(content), *_unlearnt(content)):
        console.print(f"[yellow]note[/] {note}")
    if sure:
        console.print("In brackets: 95 % intervals, from a bootstrap over test patients.")
    else:
        console.print(
            f"{content['test_patients']} test patients are too few for intervals. The scores say nothing about quality."
        )
    if made := content["synthetic_images"]:
        console.print(f"{made} synthetic images: says nothing about quality.")


def _undefined(content: dict[str, Any]) -> list[str]:
    first = next(iter(content["arms"].values()))["summary"]["images"]["labels"]
    notes = []
    for what in ("positives", "negatives"):
        if none := [label for label, found in first.items() if not found[what]]:
            notes.append(
                f"no {what} among the test images, so no AUROC, and no part in the mean: {', '.join(none)}"
            )
    return notes


def _unlearnt(content: dict[str, Any]) -> list[str]:
    missing: dict[str, None] = {}
    for result in content["arms"].values():
        for run in result["runs"]:
            missing |= dict.fromkeys(name for name, count in run["training_positives"].items() if not count)
    return [f"no positive among the training images: {', '.join(missing)}"] if missing else []


def _area(found: dict[str, Any]) -> str:
    if found["auroc"] is None:
        return "undefined"
    if not found["interval"]:
        return f"{found['auroc']:.3f}"
    low, high = found["interval"]
    return f"{found['auroc']:.3f} [{low:.3f}–{high:.3f}]"
