"""The one place that fine-tunes, with the learner and the loop of `pcrl eval`; the rest knows `tune` and `predict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.finetune.fit import Schedule, fit
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup, each_onto
from pcrl.evaluation.tasks.segmentation.learner import SegmentationLearner
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.volumes import image_of
from pcrl.evaluation.tasks.task import Conditions
from pcrl.models.precision import autocast
from pcrl.models.volumes.unet import UNet3D, build_unet
from transferring.settings import PATCH, Budget


@dataclass(frozen=True, slots=True)
class Volume:
    """A labelled case, whole: image (1, z, y, x) float32, and label values (z, y, x) on the cache's grid."""

    case: CachedCase
    image: NDArray[np.float32]
    label: NDArray[np.integer]


def volumes(cases: Sequence[CachedCase]) -> list[Volume]:
    """Labelled cases, read whole."""
    return [Volume(case, image_of(case, None), case.label().read()) for case in cases]


def tune(
    state: dict[str, Tensor] | None,
    train: Sequence[CachedCase],
    target: Target,
    recipe: VolumeRecipe,
    budget: Budget,
    *,
    rate: float,
    longer: int,
    seed: int,
    device: torch.device,
    shuffled: bool = False,
    frozen: bool = False,
    encoder_rate: float = 1.0,
) -> tuple[UNet3D, list[float]]:
    """Fine-tune a network; its steps depend on the budget alone, not on how many patients there are.

    Args:
        state: pre-trained weights whose encoder it starts from; none is from scratch. The decoder starts the same.
        longer: how many times the budget's steps.
        seed: of decoder, patches and augmentation, the same in every arm.
        frozen, encoder_rate: see `Schedule`.

    Returns:
        The network after the last step, and the mean loss of each round.
    """
    if budget.per_round % len(train):
        raise ValueError(f"{len(train)} patients do not divide the {budget.per_round} patches of a round")
    settings = recipe.finetuning.model_copy(
        update={"samples_per_case": budget.per_round // len(train), "batch_size": budget.tuning_batch}
    )
    rounds = budget.rounds * longer
    # Halved twice, after 0.4 and 0.8 of the steps, whatever their number; nobody validates, so that all are done.
    schedule = Schedule(
        rounds, rate, max(1, round(rounds * 0.4)), rounds, frozen=frozen, encoder_rate=encoder_rate
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_unet(recipe.model, target.outputs, 1, state)
    conditions = Conditions(Replicate(seed), shuffled, frozen, device)
    learner = SegmentationLearner(
        model, train, (), SegmentationSetup(target, settings, PATCH, Rules()), conditions
    )
    try:
        history = fit(learner, schedule, None, lambda *_: None)
    finally:
        learner.finish()
    return model, list(history.losses)


@torch.inference_mode()
def predict(model: UNet3D, volume: Volume, target: Target, device: torch.device) -> list[NDArray[np.bool_]]:
    """A mask of every region on the label's own grid, from one pass over the whole volume."""
    model.eval()
    factor = 2 ** (len(model.ups))
    shape = volume.image.shape[1:]
    pads = [(0, 0), *((0, -n % factor) for n in shape)]
    image = torch.from_numpy(np.pad(volume.image, pads, mode="edge"))[None].to(device)
    with autocast(device):
        scores = model(image)[0].float()
    found = target.probabilities(scores)[:, : shape[0], : shape[1], : shape[2]].cpu().numpy()
    case = volume.case
    return target.masks(each_onto(np.ascontiguousarray(found), case.record.grid, case.label_record.grid))
