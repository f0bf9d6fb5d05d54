"""Linear probe: a linear layer on the features of a fixed encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from pcrl.evaluation.finetune.early_stopping import Score
from pcrl.evaluation.tasks.classification.batches import shuffled
from pcrl.evaluation.tasks.classification.learner import Images, features
from pcrl.evaluation.tasks.supervision import Supervision, masked_loss
from pcrl.models.classifier import Classifier

_SMALLEST_DEVIATION = 1e-6
"""Features with a smaller standard deviation count as constant."""


class ProbeLearner:
    """Trains the linear layer of a classifier on features of the middle of each image, computed once.

    The layer learns from features of mean 0 and deviation 1 over the training images, as those of different encoders
    differ in size; at the end this is put into its weights. The encoder, its statistics included, is left untouched.
    See `pcrl.evaluation.finetune.fit.Learner`.
    """

    def __init__(
        self,
        model: Classifier,
        images: Images,
        supervision: Supervision,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.supervision, self.batch_size, self.seed = supervision, batch_size, seed
        train = features(model, images, supervision.train, device)
        self.mean, self.deviation = train.mean(dim=0), train.std(dim=0, correction=0)
        self.deviation[self.deviation < _SMALLEST_DEVIATION] = 1
        self.train = (train - self.mean) / self.deviation
        self.targets = torch.from_numpy(supervision.targets[supervision.train])
        self.validation = torch.zeros(0, train.shape[1])
        if len(supervision.validation):
            self.validation = features(model, images, supervision.validation, device)
            self.validation = (self.validation - self.mean) / self.deviation
        self.module = nn.Linear(train.shape[1], supervision.targets.shape[1])
        self.module.load_state_dict(
            {name: value.cpu() for name, value in model.classifier.state_dict().items()}
        )

    @property
    def criterion(self) -> str:
        """What the validation score is."""
        return self.supervision.criterion

    @property
    def steps(self) -> int:
        """How many batches the training images make."""
        return math.ceil(len(self.train) / self.batch_size)

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Positions of images among those of training."""
        everything = np.arange(len(self.train))
        return map(torch.from_numpy, shuffled(everything, self.batch_size, self.seed, epoch))

    def loss(self, batch: Tensor) -> Tensor:
        """Binary cross-entropy of the labels that count."""
        return masked_loss(self.module(self.train[batch]), self.targets[batch])

    def show_training(self, batches: int) -> None:
        """Nothing: a linear layer has no statistics, and those of the encoder stay as they are."""

    def validate(self) -> Score | None:
        """See `Supervision.score`."""
        if not len(self.validation):
            return None
        with torch.no_grad():
            return self.supervision.score(self.module(self.validation).double().numpy())

    def finish(self) -> None:
        """Put the layer, and the scale of the features, into the classifier."""
        with torch.no_grad():
            weight = self.module.weight / self.deviation
            self.model.classifier.weight.copy_(weight)
            self.model.classifier.bias.copy_(self.module.bias - weight @ self.mean)
