"""The evaluation of a classifier of images: arms, seeds, scores of test images and of their studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.config import ImageRecipe
from pcrl.engine.cache.images import CachedImages
from pcrl.evaluation.classification_files import write_figures, write_scores, write_split
from pcrl.evaluation.classification_summary import Tables, compare_arms, resampled, scores_of, summarise
from pcrl.evaluation.classify import Task, finetune, predict
from pcrl.evaluation.image_batches import ImageBatches
from pcrl.evaluation.image_cohort import ImageCohort
from pcrl.evaluation.linear_probe import probe
from pcrl.evaluation.uncertain import Policy, targets
from pcrl.models.classifier import build_classifier

Show = Callable[[str, int, int, float, float | None], None]
"""Called with (arm, seed, epoch, loss, mean AUROC of validation images if there is one)."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to start.

    Args:
        pretrained: weights of the encoder; none: from scratch.
        shuffled: the control that must fall to chance: labels of other training images, and of other validation
            images, so that nothing true chooses the epoch either.
    """

    name: str
    pretrained: dict[str, Tensor] | None
    shuffled: bool = False


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is learnt and scored, beside the recipe.

    Args:
        scored: labels whose AUROCs count; all labels are learnt.
        uncertain: what an uncertain label of a training or validation image counts as; one of a test image does not
            count.
        linear_probe: the encoder stays as it is.
    """

    scored: tuple[str, ...]
    uncertain: Policy | Mapping[str, Policy] = "ones"
    linear_probe: bool = False


def evaluate(
    arms: Sequence[Arm],
    cohorts: Mapping[int, ImageCohort],
    images: CachedImages,
    protocol: Protocol,
    recipe: ImageRecipe,
    out: Path,
    device: torch.device,
    show: Show,
) -> dict[str, Any]:
    """Train and score every arm with every seed, on the same images and crops, from the same linear layer.

    Args:
        cohorts: seed → its images; the test images are the same for all.
        out: where scores, splits and figures go.

    Returns:
        Plain values: `arms`, for each the runs (one a seed) and a summary, and `differences` between arms.

    Raises:
        FloatingPointError: a loss became NaN or infinite.
    """
    table = images.table
    learnt = targets(table.labels, protocol.uncertain, table.label_names)
    truth = targets(table.labels, "ignore", table.label_names)
    test = next(iter(cohorts.values())).test
    tables = Tables.of(table, test, truth[test], protocol.scored)
    results: dict[str, Any] = {}
    found: dict[str, dict[int, NDArray[np.float64]]] = {}
    with ImageBatches(images, recipe, recipe.training.loader_threads) as batches:
        for arm in arms:
            runs = []
            found[arm.name] = {}
            for seed, cohort in cohorts.items():
                run, probabilities = _run(
                    arm, seed, cohort, learnt, tables, protocol, recipe, batches, device, show
                )
                runs.append(run)
                found[arm.name][seed] = probabilities
            results[arm.name] = {"runs": runs}
    again = {name: resampled(scores, tables) for name, scores in found.items()}
    for name, scores in found.items():
        results[name]["summary"] = summarise(scores, again[name], tables)
    write_split(out / "split.json", cohorts)
    write_scores(out / "scores.csv", found, tables)
    write_figures(out, found, tables)
    return {"arms": results, "differences": compare_arms(again)}


def _run(
    arm: Arm,
    seed: int,
    cohort: ImageCohort,
    learnt: NDArray[np.float32],
    tables: Tables,
    protocol: Protocol,
    recipe: ImageRecipe,
    batches: ImageBatches,
    device: torch.device,
    show: Show,
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    if arm.shuffled:
        learnt = _shuffled(learnt, cohort, seed)
    names = tables.names
    with torch.random.fork_rng(devices=[]):
        # The linear layer, and an encoder from scratch, start the same in every arm.
        torch.manual_seed(seed)
        model = build_classifier(recipe.model, len(names), arm.pretrained)
    task = Task(cohort.train, cohort.validation, learnt, tables.columns)
    train = probe if protocol.linear_probe else finetune
    history = train(
        model,
        batches,
        task,
        recipe.finetuning,
        seed,
        device,
        lambda epoch, loss, area: show(arm.name, seed, epoch, loss, area),
    )
    logits = predict(model, batches, cohort.test, device)
    probabilities = 1 / (1 + np.exp(-logits))
    positives = np.nansum(learnt[cohort.train] == 1, axis=0)
    run = {
        "seed": seed,
        "training_patients": len(set(cohort.patients(cohort.train))),
        "training_images": len(cohort.train),
        "validation_images": len(cohort.validation),
        "training_positives": {name: int(count) for name, count in zip(names, positives, strict=True)},
        "history": asdict(history),
        **scores_of(probabilities, tables),
    }
    return run, probabilities


def _shuffled(learnt: NDArray[np.float32], cohort: ImageCohort, seed: int) -> NDArray[np.float32]:
    """All labels of an image together go to another one of the same part."""
    mixed, rng = learnt.copy(), np.random.default_rng([seed, 2])
    for rows in (cohort.train, cohort.validation):
        mixed[rows] = learnt[rng.permutation(rows)]
    return mixed
