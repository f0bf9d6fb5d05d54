"""What is segmented: from label values to training targets, and from network outputs to masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        missing_distance: HD95 in mm where one of truth and prediction is empty; none: undefined.
    """

    names: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    paint: tuple[int, ...]
    overlapping: bool = False
    missing_distance: float | None = None

    @classmethod
    def of_values(cls, names: dict[int, str]) -> Target:
        """Every label value a region of its own."""
        values = sorted(names)
        return cls(tuple(names[v] for v in values), tuple((v,) for v in values), tuple(values))

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Target:
        """The inverse of `plain`."""
        return cls(
            tuple(plain["names"]), tuple(tuple(group) for group in plain["values"]), tuple(plain["paint"]),
            plain["overlapping"], plain["missing_distance"],
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

    def loss(self, scores: Tensor, label: Tensor) -> Tensor:
        """Dice and cross-entropy of scores (batch, outputs, z, y, x) against label values (batch, z, y, x) int64."""
        from monai.losses.dice import DiceCELoss, DiceLoss

        loss: Tensor
        if not self.overlapping:
            classes = torch.zeros_like(label)
            for number, group in enumerate(self.values, 1):
                classes[_among(label, group)] = number
            loss = DiceCELoss(to_onehot_y=True, softmax=True)(scores, classes[:, None])
            return loss
        regions = torch.stack([_among(label, group) for group in self.values], dim=1).to(scores.dtype)
        loss = DiceLoss(sigmoid=True)(scores, regions)
        return loss + CROSS_ENTROPY * functional.binary_cross_entropy_with_logits(scores, regions)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Of scores (outputs, z, y, x): of each region on its own, or of all classes together."""
        return scores.sigmoid() if self.overlapping else scores.softmax(dim=0)

    def masks(self, probabilities: Iterable[NDArray[np.float32]]) -> list[NDArray[np.bool_]]:
        """A mask for each region, out of one volume of probabilities for each output, taken one at a time."""
        if self.overlapping:
            masks = [one > 0.5 for one in probabilities]
            # What is of an inner region is of the outer ones too, as it will be in the file that is written.
            for outer, inner in zip(masks[-2::-1], masks[:0:-1], strict=True):
                outer |= inner
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
