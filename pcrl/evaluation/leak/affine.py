"""Laying one thumbnail onto another: the affine map between them, and how alike they are under it.

Gauss–Newton on grey values with gain and offset (Lucas and Kanade, 1981; Baker and Matthews, 2004), many pairs at once.
Maps are those of `torch.nn.functional.grid_sample`: from places of the first to places of the second, −1 to 1 on each
axis, axes in reverse order.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_FURTHEST = 0.5
"""Difference of a map from the identity, in each of its numbers: a scale of 0.5 to 1.5, a shift of a quarter."""
_STEP = 0.1
_CLEAR = 0.2
"""Gain below which grey values would explain everything."""
_DETAIL, _AROUND = 3, 7
"""Edges, in cells, of the means that are taken away, and of the neighbourhoods that are brought to one contrast."""


def identity(pairs: int, dims: int) -> Tensor:
    """(pairs, dims, dims + 1) maps that change nothing."""
    return torch.eye(dims, dims + 1).repeat(pairs, 1, 1)


def limited(maps: Tensor) -> Tensor:
    """Maps no further from the identity than is searched."""
    still = identity(1, maps.shape[1])
    return still + (maps - still).clamp(-_FURTHEST, _FURTHEST)


def smaller(pictures: Tensor, times: int) -> Tensor:
    """(pairs, 1, edges) with edges so many times shorter."""
    pool = functional.avg_pool2d if pictures.ndim == 4 else functional.avg_pool3d
    means: Tensor = pool(pictures, times)
    return means


def smoothed(pictures: Tensor, edge: int = _DETAIL) -> Tensor:
    """Means of the neighbourhood of each cell, of those that there are."""
    pool = functional.avg_pool2d if pictures.ndim == 4 else functional.avg_pool3d
    means: Tensor = pool(pictures, edge, 1, edge // 2, count_include_pad=False)
    return means


def improved(one: Tensor, other: Tensor, maps: Tensor, steps: int) -> Tensor:
    """Maps by which `other` fits `one` better.

    Args:
        one, other: (pairs, 1, edges) float32.
        maps: (pairs, dims, dims + 1) to begin with.
    """
    pairs, dims, cells = len(one), one.ndim - 2, one[0].numel()
    places = _places(one)
    slopes = torch.gradient(other[:, 0], dim=tuple(range(1, dims + 1)))
    half = one.shape[-1] / 2
    layers = torch.cat([other, *(slope[:, None] * half for slope in reversed(slopes))], 1)
    goal = one.reshape(pairs, cells)
    for _ in range(steps):
        where = places @ maps.transpose(1, 2)
        inside = (where.abs() <= 1).all(-1).float()
        moved, *moved_slopes = _sampled(layers, where).unbind(1)
        share = inside.sum(1, keepdim=True).clamp_min(1)
        moved = moved - (moved * inside).sum(1, keepdim=True) / share
        wanted = goal - (goal * inside).sum(1, keepdim=True) / share
        power = (moved**2 * inside).sum(1, keepdim=True) + 1e-6
        gain = (moved * wanted * inside).sum(1, keepdim=True) / power
        gain = torch.where(gain < 0, -1.0, 1.0) * gain.abs().clamp(_CLEAR, 1 / _CLEAR)
        columns = torch.stack(moved_slopes, -1)[..., None] * places[None, :, None] * gain[..., None, None]
        jacobian = torch.cat(
            [columns.reshape(pairs, cells, -1), moved[..., None], torch.ones(pairs, cells, 1)], 2
        )
        weighted = jacobian * inside[..., None]
        normal = weighted.transpose(1, 2) @ jacobian
        normal = normal + 1e-3 * torch.diag_embed(normal.diagonal(dim1=1, dim2=2))
        normal = normal + 1e-6 * torch.eye(normal.shape[-1])
        rest = (wanted - gain * moved)[..., None]
        change = torch.linalg.solve(normal, (weighted.transpose(1, 2) @ rest)[..., 0])
        maps = limited(maps + change[:, : dims * (dims + 1)].reshape(maps.shape).clamp(-_STEP, _STEP))
    return maps


def likeness(one: Tensor, other: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """How alike the details of two pictures are, and how much of the smaller is compared.

    Means of the neighbourhood are taken away and contrasts made the same everywhere: neither the shape that all bodies
    have in common nor a curve of grey values counts, not even one that falls.

    Returns:
        (pairs,) correlations, 0 to 1; (pairs,) shares.
    """
    dims, pairs = one.ndim - 2, len(one)
    where = _places(one) @ maps.transpose(1, 2)
    # Not the outermost cells, whose neighbourhoods are cut off.
    inside = (where.abs() <= 1 - 1 / one.shape[-1]).all(-1).float()
    moved = _sampled(other, where).reshape(one.shape)
    seen = []
    for picture in (one, moved):
        detail = picture - smoothed(picture)
        even = detail / (smoothed(detail**2, _AROUND) + 1e-5).sqrt()
        flat = even.reshape(pairs, -1)
        mean = (flat * inside).sum(1, keepdim=True) / inside.sum(1, keepdim=True).clamp_min(1)
        seen.append((flat - mean) * inside)
    power = (seen[0] ** 2).sum(1) * (seen[1] ** 2).sum(1)
    correlation = (seen[0] * seen[1]).sum(1) / power.sqrt().clamp_min(1e-9)
    share = inside.mean(1)
    return correlation.abs(), torch.maximum(share, share * maps[:, :, :dims].det().abs())


def resampled(pictures: Tensor, maps: Tensor) -> Tensor:
    """(pairs, 1, edges) under maps."""
    return _sampled(pictures, _places(pictures) @ maps.transpose(1, 2)).reshape(pictures.shape)


def _places(pictures: Tensor) -> Tensor:
    """(cells, dims + 1): where the cells of a picture are, and 1."""
    dims = pictures.ndim - 2
    axes = [(torch.arange(edge) + 0.5) / edge * 2 - 1 for edge in pictures.shape[2:]]
    cells = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flip(-1).reshape(-1, dims)
    return torch.cat([cells, torch.ones(len(cells), 1)], 1)


def _sampled(layers: Tensor, where: Tensor) -> Tensor:
    """(pairs, layers, cells) of (pairs, layers, edges) at (pairs, cells, dims)."""
    grid = where.reshape(len(layers), *layers.shape[2:], -1)
    found = functional.grid_sample(layers, grid, padding_mode="border", align_corners=False)
    return found.flatten(2)
