"""What is segmented: from label values to training targets, and from network outputs to masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CROSS_ENTROPY = 0.2
"""Its weight beside Dice, for regions (published)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Region k is named `names[k]` and is any of the label values `values[k]`.

    Args:
        overlapping: regions contain each other, so that each has an output of its own (sigmoid, above ½ is in it);
            otherwise they exclude each other, and there is one output more, for the background (softmax).
        paint: the value by which a prediction shows region k; a later region is painted over an earlier one.
        missing_distance: HD95 in mm where one of truth and prediction is empty; none: the diagonal of the scan.
        ignored: label value of voxels that count neither in the loss nor in scores; none: all count.
    """

    names: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    paint: tuple[int, ...]
    overlapping: bool = False
    missing_distance: float | None = None
    ignored: int | None = None

    @classmethod
    def of_values(cls, names: dict[int, str], ignored: int | None = None) -> Target:
        """Every label value a region of its own."""
        values = sorted(names)
        groups = tuple((value,) for value in values)
        return cls(tuple(names[v] for v in values), groups, tuple(values), ignored=ignored)

    @classmethod
    def of_regions(cls, regions: Mapping[str, tuple[int, ...]], ignored: int | None = None) -> Target:
        """Regions of several values each, which may overlap; larger ones first, so that smaller are painted on them.

        A region is painted by a value that is of no other region but those around it, so that a prediction reads as a
        label.
        """
        order = sorted(regions, key=lambda name: -len(regions[name]))
        groups = [frozenset(regions[name]) for name in order]
        paint = []
        for group in groups:
            others = frozenset(value for other in groups if not other >= group for value in other)
            paint.append(min(group - others or group))
        values = tuple(tuple(sorted(group)) for group in groups)
        return cls(tuple(order), values, tuple(paint), overlapping=True, ignored=ignored)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Target:
        """The inverse of `plain`."""
        return cls(
            tuple(plain["names"]), tuple(tuple(group) for group in plain["values"]), tuple(plain["paint"]),
            plain["overlapping"], plain["missing_distance"], plain.get("ignored"),
        )  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @property
    def outputs(self) -> int:
        """Channels of the network's output."""
        return len(self.names) + (not self.overlapping)

    def mask(self, label: NDArray[np.integer[Any]], region: int) -> NDArray[np.bool_]:
        """Where a label (z, y, x) is of a region."""
        return np.isin(label, self.values[region])

    def counted(
        self, masks: Sequence[NDArray[np.bool_]], label: NDArray[np.integer[Any]]
    ) -> list[NDArray[np.bool_]]:
        """Masks without the voxels that the label (z, y, x) says are to be ignored."""
        if self.ignored is None:
            return list(masks)
        known = label != self.ignored
        return [mask & known for mask in masks]

    def loss(self, scores: Tensor, label: Tensor) -> Tensor:
        """Dice and cross-entropy of scores (batch, outputs, z, y, x) against label values (batch, z, y, x) int64."""
        from monai.losses.dice import DiceCELoss, DiceLoss

        loss: Tensor
        if self.ignored is not None:
            return self._masked_loss(scores, label, self.ignored)
        if not self.overlapping:
            classes = torch.zeros_like(label)
            for number, group in enumerate(self.values, 1):
                classes[_among(label, group)] = number
            loss = DiceCELoss(to_onehot_y=True, softmax=True)(scores, classes[:, None])
            return loss
        regions = torch.stack([_among(label, group) for group in self.values], dim=1).to(scores.dtype)
        loss = DiceLoss(sigmoid=True)(scores, regions)
        return loss + CROSS_ENTROPY * functional.binary_cross_entropy_with_logits(scores, regions)

    def _masked_loss(self, scores: Tensor, label: Tensor, ignored: int) -> Tensor:
        """The same of those voxels alone that are not to be ignored; cross-entropy 0 if there are none."""
        from monai.losses.dice import MaskedDiceLoss

        known = label.ne(ignored)[:, None].to(scores.dtype)
        regions = torch.stack([_among(label, group) for group in self.values], dim=1)
        if self.overlapping:
            truth = regions.to(scores.dtype)
            shares, weight = scores.sigmoid(), CROSS_ENTROPY
            each = functional.binary_cross_entropy_with_logits(scores, truth, reduction="none").mean(1, True)
        else:
            truth = torch.cat([~regions.any(dim=1, keepdim=True), regions], dim=1).to(scores.dtype)
            shares, weight = scores.softmax(dim=1), 1.0
            each = functional.cross_entropy(scores, truth.argmax(dim=1), reduction="none")[:, None]
        dice: Tensor = MaskedDiceLoss()(shares, truth, known)
        loss: Tensor = dice + weight * (each * known).sum() / known.sum().clamp(min=1)
        return loss

    def probabilities(self, scores: Tensor) -> Tensor:
        """Of scores (outputs, z, y, x): of each region on its own, or of all classes together."""
        return scores.sigmoid() if self.overlapping else scores.softmax(dim=0)

    def masks(self, probabilities: Iterable[NDArray[np.float32]]) -> list[NDArray[np.bool_]]:
        """A mask for each region, out of one volume of probabilities for each output, taken one at a time."""
        if self.overlapping:
            masks = [one > 0.5 for one in probabilities]
            # What is of an inner region is of the outer ones too, as it will be in the file that is written.
            for inner in range(len(masks) - 1, 0, -1):
                for outer in range(inner):
                    if set(self.values[inner]) < set(self.values[outer]):
                        masks[outer] |= masks[inner]
            return masks
        outputs = iter(probabilities)
        best = next(outputs)
        classes = np.zeros(best.shape, np.uint8 if len(self.names) < 256 else np.uint16)
        for number, one in enumerate(outputs, 1):
            better = one > best
            classes[better] = number
            best = np.where(better, one, best)
        return [classes == number for number in range(1, len(self.names) + 1)]

    def painted(self, masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.uint16]:
        """One volume of label values out of the masks of all regions."""
        values = np.zeros(masks[0].shape, np.uint16)
        for mask, value in zip(masks, self.paint, strict=True):
            values[mask] = value
        return values


def _among(label: Tensor, group: tuple[int, ...]) -> Tensor:
    return torch.isin(label, torch.tensor(group, dtype=label.dtype, device=label.device))
