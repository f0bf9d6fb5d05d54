"""The evaluation of a segmentation: arms, seeds, scores on the original grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcrl.config import VolumeRecipe
from pcrl.evaluation.finetune import finetune
from pcrl.evaluation.metrics import Overlap, compare, global_dice
from pcrl.evaluation.overlay import save_overlay
from pcrl.evaluation.predict import probabilities, to_original
from pcrl.evaluation.protocol import Cohort
from pcrl.evaluation.volumes import classes_of, image_of, load
from pcrl.models.unet3d import build_unet


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to start the encoder: a name, and pre-trained weights or none (from scratch)."""

    name: str
    pretrained: dict[str, Tensor] | None


@dataclass(frozen=True, slots=True)
class Target:
    """What is segmented: class k + 1 is named `names[k]` and is any of the label values `values[k]`."""

    names: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]


Show = Callable[[str, int, int, float], None]
"""Called with (arm, seed, epoch, loss)."""


def evaluate(
    arms: Sequence[Arm],
    cohorts: dict[int, Cohort],
    target: Target,
    recipe: VolumeRecipe,
    out: Path,
    device: torch.device,
    show: Show,
) -> dict[str, Any]:
    """Fine-tune and score every arm with every seed, on the same patients and patches.

    Args:
        cohorts: seed → its cases; the test cases are the same for all.
        out: where overlay pictures go.

    Returns:
        Plain values: for each arm the runs (one a seed) and a summary by class; see `summarise`.
    """
    results: dict[str, Any] = {}
    for arm in arms:
        runs = [
            _run(arm, seed, cohort, target, recipe, out, device, show) for seed, cohort in cohorts.items()
        ]
        results[arm.name] = {"runs": runs, "summary": summarise(runs, target)}
    return results


def _run(
    arm: Arm,
    seed: int,
    cohort: Cohort,
    target: Target,
    recipe: VolumeRecipe,
    out: Path,
    device: torch.device,
    show: Show,
) -> dict[str, Any]:
    settings = recipe.finetuning
    train = [load(case, settings.window, target.values) for case in cohort.train]
    validation = [load(case, settings.window, target.values) for case in cohort.validation]
    with torch.random.fork_rng(devices=[]):
        # The decoder starts the same in every arm.
        torch.manual_seed(seed)
        model = build_unet(recipe.model, len(target.names) + 1, len(train[0].image), arm.pretrained)
        history = finetune(
            model,
            train,
            validation,
            settings,
            seed,
            device,
            lambda epoch, loss: show(arm.name, seed, epoch, loss),
        )
    cases: dict[str, dict[str, Any]] = {}
    overlaps: dict[str, list[Overlap]] = {name: [] for name in target.names}
    for case in cohort.test:
        image = image_of(case, settings.window)
        predicted = to_original(probabilities(model, image, settings.patch, settings.overlap, device), case)
        truth = classes_of(case.label(original=True).read(), target.values)
        spacing = case.label_record.grid.spacing
        scores: dict[str, Any] = {"patient": case.patient, "virtual": case.entry.virtual}
        for number, name in enumerate(target.names, 1):
            overlap = compare(predicted == number, truth == number, spacing)
            overlaps[name].append(overlap)
            scores[name] = asdict(overlap)
        cases[case.name] = scores
        picture = out / "overlays" / f"{case.name}-{arm.name}-seed{seed}.png"
        save_overlay(picture, case, truth, predicted, f"{case.name}, {arm.name}, seed {seed}")
    return {
        "seed": seed,
        "train": [case.name for case in cohort.train],
        "validation": [case.name for case in cohort.validation],
        "history": asdict(history),
        "cases": cases,
        "global_dice": {name: global_dice(found) for name, found in overlaps.items()},
    }


def summarise(runs: Sequence[dict[str, Any]], target: Target) -> dict[str, Any]:
    """By class: Dice and HD95 by patient, averaged over seeds first; the patient is the unit.

    Mean and standard deviation over patients only where there are three of them or more.
    """
    summary: dict[str, Any] = {}
    for name in target.names:
        patients: dict[str, dict[str, list[float]]] = {}
        undefined = 0
        for run in runs:
            for scores in run["cases"].values():
                mine = patients.setdefault(scores["patient"], {"dice": [], "hd95": []})
                mine["dice"].append(scores[name]["dice"])
                if scores[name]["hd95"] is None:
                    undefined += 1
                else:
                    mine["hd95"].append(scores[name]["hd95"])
        by_patient = {
            patient: {metric: float(np.mean(v)) if v else None for metric, v in found.items()}
            for patient, found in sorted(patients.items())
        }
        entry: dict[str, Any] = {
            "patients": by_patient,
            "hd95_undefined": undefined,
            "global_dice": float(np.mean([run["global_dice"][name] for run in runs])),
        }
        if len(by_patient) >= 3:
            for metric in ("dice", "hd95"):
                values = [value for found in by_patient.values() if (value := found[metric]) is not None]
                if len(values) > 1:
                    entry[metric] = {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}
        summary[name] = entry
    return summary
