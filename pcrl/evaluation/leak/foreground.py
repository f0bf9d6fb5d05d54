"""Where in a thumbnail there is something: what is left when somebody cuts the empty border off."""

from __future__ import annotations

import torch
from torch import Tensor

_BRIGHT = 0.15
"""Share of the range of values above which a cell is no background."""
_OUTSIDE = 0.02
"""Share of the foreground that may lie on either side of its box."""


def boxes(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Centres and half edges of the boxes around the foreground.

    Args:
        pictures: (pairs, 1, edges) float32.

    Returns:
        (pairs, dims) twice, in places from −1 to 1, axes in reverse order.
    """
    dims, edge = pictures.ndim - 2, pictures.shape[-1]
    flat = pictures.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    bright = flat > (low + _BRIGHT * (high - low))[:, None]
    there = bright.reshape(pictures.shape)[:, 0].float()
    centres, halves = [], []
    for axis in range(dims, 0, -1):
        along = there.sum([other for other in range(1, dims + 1) if other != axis])
        share = along.cumsum(1) / along.sum(1, keepdim=True).clamp_min(1)
        first = (share < _OUTSIDE).sum(1).float()
        last = ((share < 1 - _OUTSIDE).sum(1).float() + 1).clamp_max(edge)
        centres.append((first + last) / edge - 1)
        halves.append((last - first).clamp_min(2) / edge)
    return torch.stack(centres, 1), torch.stack(halves, 1)


def to_boxes(pictures: Tensor) -> Tensor:
    """(pairs, dims, dims + 1) maps from a whole picture to the box around its foreground."""
    centres, halves = boxes(pictures)
    return torch.cat([torch.diag_embed(halves), centres[..., None]], 2)


def between_boxes(one: Tensor, other: Tensor) -> Tensor:
    """(pairs, dims, dims + 1) maps from places of one picture to those of another by which their boxes agree."""
    (centres, halves), (others, other_halves) = boxes(one), boxes(other)
    scales = other_halves / halves
    return torch.cat([torch.diag_embed(scales), (others - scales * centres)[..., None]], 2)
