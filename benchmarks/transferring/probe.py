"""Probes of frozen features: which organ is at a voxel? Linear (multinomial logistic), and nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

PENALTY = 1e-3
"""Of squared weights in the linear probe; features are standardised, so that one number serves all levels."""
NEIGHBOURS = 15
Features = NDArray[np.float32]
Organs = NDArray[np.int64]


def balanced_accuracy(predicted: Organs, truth: Organs) -> float:
    """Mean over the organs in `truth` of the share of their voxels that were named rightly."""
    return float(np.mean([(predicted[truth == organ] == organ).mean() for organ in np.unique(truth)]))


def linear(train: Features, organs: Organs, test: Features, steps: int) -> Organs:
    """Predictions of multinomial logistic regression in which every organ weighs the same."""
    classes, target = np.unique(organs, return_inverse=True)
    first, second = _standardised(train, test)
    weight = torch.zeros(len(classes), first.shape[1], requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    truth = torch.from_numpy(target)
    share = 1 / torch.bincount(truth).float()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(first @ weight.T + bias, truth, weight=share)
        loss = loss + PENALTY * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        return np.asarray(classes[(second @ weight.T + bias).argmax(dim=1).numpy()])


def nearest(train: Features, organs: Organs, test: Features) -> Organs:
    """Predictions of the nearest training voxels by cosine, each organ's votes divided by how often it occurs."""
    classes, target = np.unique(organs, return_inverse=True)
    first, second = (functional.normalize(one) for one in _standardised(train, test))
    votes = functional.one_hot(torch.from_numpy(target)).float()
    votes /= votes.sum(dim=0)
    predicted = []
    for part in second.split(2048):
        close = (part @ first.T).topk(min(NEIGHBOURS, len(first)), dim=1).indices
        predicted.append(votes[close].sum(dim=1).argmax(dim=1))
    return np.asarray(classes[torch.cat(predicted).numpy()])


def probes(
    train: Sequence[Features], organs: Sequence[Organs], test: Features, truth: Organs, steps: int
) -> dict[str, float]:
    """Balanced accuracy of both probes on one patient, or on several taken together."""
    features, names = np.concatenate(train), np.concatenate(organs)
    return {
        "linear": balanced_accuracy(linear(features, names, test, steps), truth),
        "nearest": balanced_accuracy(nearest(features, names, test), truth),
    }


def _standardised(train: Features, test: Features) -> tuple[torch.Tensor, torch.Tensor]:
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    return (torch.from_numpy((one - mean) / deviation) for one in (train, test))  # type: ignore[return-value]
