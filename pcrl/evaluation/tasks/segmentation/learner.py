"""How a segmentation network learns: patches of training cases, augmented; validation patients in whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pcrl.cores import usable_cores
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.finetune.ahead import ahead
from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.statistics.masks.overlap import dice
from pcrl.evaluation.tasks.segmentation.augment import augment
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup, probabilities
from pcrl.evaluation.tasks.segmentation.volumes import Volume, image_and_air
from pcrl.evaluation.tasks.task import Conditions
from pcrl.models.precision import autocast

ORDER, PATCH, AUGMENTATION = range(3)
"""What is drawn: each from a stream of its own, so that one does not depend on another."""
UNCHANGED = 0
"""In place of an epoch, which count from 1: the patches that are shown without learning from them."""
Patch = tuple[NDArray[np.float32], NDArray[np.int64]]


class SegmentationLearner:
    """See `pcrl.evaluation.finetune.fit.Learner`.

    Args:
        setup: what is segmented, and how.
        conditions: where labels are shuffled, the label of a patch is cut elsewhere, so that nothing in the image
            tells it; there is no validation then, as no true label may choose the epoch.
    """

    criterion = "mean Dice on the cache's grid"

    def __init__(
        self,
        model: nn.Module,
        train: Sequence[CachedCase],
        validation: Sequence[CachedCase],
        setup: SegmentationSetup,
        conditions: Conditions,
    ) -> None:
        device, seed = conditions.device, conditions.replicate.seed
        self.module = model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.setup, self.seed, self.validation = setup, seed, validation
        self.device, self.shuffled = device, conditions.shuffled
        target, self.settings = setup.target, setup.settings
        self._values = frozenset(value for group in target.values for value in group)
        self._pool = ThreadPoolExecutor(usable_cores(), "pcrl-patches")
        self._own = threading.local()
        self._train = list(self._pool.map(lambda case: Volume(case, self.settings.window), train))

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Images (batch, channel, z, y, x), and label values (batch, z, y, x), augmented."""
        for number, (image, label) in enumerate(self._patches(epoch, self.steps)):
            rng = np.random.default_rng([self.seed, AUGMENTATION, epoch, number])
            yield augment(image, label, self.settings.augmentation, rng)

    @property
    def steps(self) -> int:
        """How many batches the patches of all training cases make."""
        return -(-len(self._train) * self.settings.samples_per_case // self.settings.batch_size)

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Dice and cross-entropy."""
        image, label = batch
        return self.setup.target.loss(self._forward(image).float(), label)

    def show_training(self, batches: int) -> None:
        """Send patches through the network, not augmented."""
        for image, _ in self._patches(UNCHANGED, batches):
            self._forward(image)

    def validate(self) -> Score | None:
        """Mean over validation cases and regions, on the cache's grid; of regions that one of the cases has.

        None where no case has any.
        """
        if not self.validation or self.shuffled:
            return None
        target, scores, there = self.setup.target, [], []
        for case in self.validation:
            (image, air), label = image_and_air(case, self.settings.window), case.label().read()
            masks = target.masks(probabilities(self.module, image, air, self.setup, self.device))
            true = [target.mask(label, region) for region in range(len(masks))]
            pairs = zip(target.counted(masks, label), true, strict=True)
            scores.append([dice(mask, of, self.setup.rules) for mask, of in pairs])
            there.append([mask.any() for mask in true])
        counted = np.any(there, axis=0) | self.setup.rules.absent_is_right
        defined = np.array(scores, np.float64)[:, counted]
        return (float(np.nanmean(defined)),) if counted.any() else None

    def finish(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _forward(self, image: Tensor) -> Tensor:
        with autocast(self.device):
            scores: Tensor = self.module(image)
        return scores

    def _patches(self, epoch: int, batches: int) -> Iterator[tuple[Tensor, Tensor]]:
        """So many batches at most of an epoch, as they are cut out."""
        cases = np.repeat(np.arange(len(self._train)), self.settings.samples_per_case)
        order = np.random.default_rng([self.seed, ORDER, epoch]).permutation(cases)
        # Batches that differ by at most one patch: a rest of one would be no batch to BatchNorm.
        parts = np.array_split(np.arange(len(order)), self.steps)[:batches]
        makers = [
            [partial(self._patch, self._train[order[n]], epoch, n) for n in part.tolist()] for part in parts
        ]
        for patches in ahead(self._pool, makers):
            image, label = (
                torch.from_numpy(np.stack(arrays)).to(self.device, non_blocking=True)
                for arrays in zip(*patches, strict=True)
            )
            yield image, label

    def _patch(self, volume: Volume, epoch: int, number: int) -> Patch:
        if not hasattr(self._own, "scratch"):
            self._own.scratch = Scratch()
        rng = np.random.default_rng([self.seed, PATCH, epoch, number])
        start = volume.draw(self.setup.patch, self._values, rng)
        image = volume.image(start, self.setup.patch, self._own.scratch)
        if self.shuffled:
            volume = self._train[int(rng.integers(len(self._train)))]
            start = volume.draw(self.setup.patch, self._values, rng)
        return image, volume.label(start, self.setup.patch)
