"""Linear upsampling by matrices: the same in every run, and never in bfloat16.

On a GPU, `torch.nn.functional.interpolate` adds up its gradient in whatever order threads come, and in bfloat16 if the
image is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pcrl.models.precision import float32


def upsampled(image: Tensor, size: Sequence[int]) -> Tensor:
    """Linear interpolation, corners not aligned: (batch, channels, *smaller) to (batch, channels, *size).

    Returns:
        In float32, or in the image's precision if that is higher.
    """
    # The axis that is multiplied first multiplies the fewest numbers: this order costs least.
    axes = sorted(range(len(size)), key=lambda axis: 1 / image.shape[2 + axis] - 1 / size[axis])
    with float32(image.device):
        wide = image.to(torch.promote_types(image.dtype, torch.float32))
        for axis in axes:
            wide = _along(wide, 2 + axis, size[axis])
    return wide


def _along(image: Tensor, axis: int, edge: int) -> Tensor:
    if image.shape[axis] == edge:
        return image
    weights = _weights(image.shape[axis], edge, image)
    if axis == image.ndim - 1:
        return torch.matmul(image, weights.T)
    along: Tensor = torch.matmul(weights, image.flatten(axis + 1)).unflatten(-1, image.shape[axis + 1 :])
    return along


def _weights(inputs: int, outputs: int, like: Tensor) -> Tensor:
    """(outputs, inputs): what each input counts in each output."""
    centres = (_counted(outputs, like) + 0.5) * (inputs / outputs) - 0.5
    distance = centres.clamp(0, inputs - 1)[:, None] - _counted(inputs, like)
    return torch.clamp(1 - distance.abs(), min=0)


def _counted(number: int, like: Tensor) -> Tensor:
    return torch.arange(number, dtype=like.dtype, device=like.device)
