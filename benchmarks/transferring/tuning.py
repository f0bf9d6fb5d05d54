"""The one place that fine-tunes: everything else of this benchmark knows only `tune` and `predict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.cache import CachedCase
from pcrl.evaluation.finetune import finetune
from pcrl.evaluation.predict import to_original
from pcrl.evaluation.volumes import Volume, load
from pcrl.models.unet3d import UNet3D, build_unet
from transferring.settings import Budget


class MixedUNet3D(UNet3D):
    """The same network computing in bfloat16; weights, loss and optimiser stay in float32.

    On processors with matrix units for it a step takes half the time, and a prediction an eighth.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As `UNet3D`."""
        with torch.autocast(x.device.type, torch.bfloat16):
            scores = super().forward(x)
        return scores.float()


def volumes(cases: Sequence[CachedCase], values: Sequence[Sequence[int]]) -> list[Volume]:
    """Labelled cases, read whole."""
    return [load(case, None, values) for case in cases]


def tune(
    state: dict[str, Tensor] | None,
    train: Sequence[Volume],
    classes: int,
    recipe: VolumeRecipe,
    budget: Budget,
    *,
    rate: float,
    longer: int,
    seed: int,
    device: torch.device,
) -> tuple[UNet3D, list[float]]:
    """Fine-tune a network; its steps depend on the budget alone, not on how many patients there are.

    Args:
        state: pre-trained weights whose encoder it starts from; none is from scratch. The decoder starts the same.
        classes: with background.
        longer: how many times the budget's steps.
        seed: of decoder, patches and augmentation, the same in every arm.

    Returns:
        The network after the last step, and the mean loss of each round.
    """
    if budget.per_round % len(train):
        raise ValueError(f"{len(train)} patients do not divide the {budget.per_round} patches of a round")
    rounds = budget.rounds * longer
    settings = recipe.finetuning.model_copy(
        update={
            "epochs": rounds,
            "samples_per_case": budget.per_round // len(train),
            "batch_size": budget.tuning_batch,
            "learning_rate": rate,
            # Twice, after 0.4 and 0.8 of the steps, whatever their number.
            "halve_every": max(1, round(rounds * 0.4)),
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MixedUNet3D(recipe.model.width, recipe.model.levels, classes)
        model.load_state_dict(build_unet(recipe.model, classes, 1, state).state_dict())
        history = finetune(model, train, (), settings, seed, device, lambda *_: None)
    return model, list(history.losses)


@torch.inference_mode()
def predict(model: UNet3D, volume: Volume, device: torch.device) -> NDArray[np.uint8]:
    """The class of every voxel on the label's own grid, from one pass over the whole volume."""
    model.eval()
    factor = 2 ** (len(model.ups))
    shape = volume.image.shape[1:]
    pads = [(0, 0), *((0, -n % factor) for n in shape)]
    image = torch.from_numpy(np.pad(volume.image, pads, mode="edge"))[None].to(device)
    scores = model(image)[0].softmax(dim=0).float().cpu().numpy()
    return to_original(scores[:, : shape[0], : shape[1], : shape[2]], volume.case)


def shuffled(train: Sequence[Volume], rng: np.random.Generator) -> list[Volume]:
    """The same labels at places where they mean nothing: every patient's voxels are permuted among themselves."""
    return [replace(one, label=rng.permutation(one.label.ravel()).reshape(one.label.shape)) for one in train]
