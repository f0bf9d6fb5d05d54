"""Views made on the device from raw crops, in plain batched PyTorch: what a user would write who has few cores.

The same views as pcrl's in kind: resize, flip and affine in one interpolation, then blur, noise, gamma, block swaps and
normalisation, drawn for each view. Boxes are not averaged before they are resized, as pcrl does against aliasing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from pcrl.config import VolumeRecipe
from pcrl.training.objectives.objective import Views

Shape = tuple[int, int, int]


def views_of(batch: list[Tensor], recipe: VolumeRecipe) -> Views:
    """The views of a batch.

    Args:
        batch: global crops (batch, 2, *largest) int16 and their edges (batch, 2, 3), local ones likewise.
    """
    outer, outer_edges, inner, inner_edges = batch
    shapes, count = recipe.views, len(outer)
    clean = _resampled(_flat(outer), _flat(outer_edges), shapes.global_shape, recipe)
    target = clean.unflatten(0, (2, count))[0]
    globals_ = _corrupted(clean, recipe, swapped=True)
    small = _resampled(_flat(inner), _flat(inner_edges), shapes.local_shape, recipe)
    locals_ = _corrupted(small, recipe, swapped=False)
    return Views(globals_.unflatten(0, (2, count)), target, locals_.unflatten(0, (-1, count)))


def _flat(values: Tensor) -> Tensor:
    """(batch, views, …) to (views · batch, …)."""
    return values.transpose(0, 1).flatten(0, 1)


def _resampled(crops: Tensor, edges: Tensor, shape: Shape, recipe: VolumeRecipe) -> Tensor:
    """Crops (n, *size) int16 to views (n, 1, *shape) in [0, 1], with flip, rotation and scaling."""
    low, high = recipe.data.window
    values = (crops[:, None].float() - low) / (high - low)
    share = edges.flip(1) / torch.tensor(crops.shape[:0:-1], device=crops.device)  # of the array, in x, y, z
    turned = _rotations(len(crops), recipe, crops.device)
    # A view from −1 to 1 lies in the corner of the array, from −1 to 2 · share − 1.
    matrices = torch.cat([share[:, :, None] * turned, (share - 1)[:, :, None]], dim=2)
    grid = functional.affine_grid(matrices, [len(crops), 1, *shape], align_corners=False)
    return functional.grid_sample(values, grid, align_corners=False)


def _rotations(count: int, recipe: VolumeRecipe, device: torch.device) -> Tensor:
    """(count, 3, 3), in x, y, z: flip of x, scaling of each axis, rotation about each."""
    views = recipe.views
    angles = math.radians(views.angle) * (2 * torch.rand(count, 3, device=device) - 1)
    matrix = torch.diag_embed(
        views.scale[0] + (views.scale[1] - views.scale[0]) * torch.rand(count, 3, device=device)
    )
    for axis in range(3):
        a, b = (n for n in range(3) if n != axis)
        turn = torch.eye(3, device=device).repeat(count, 1, 1)
        cosine, sine = angles[:, axis].cos(), angles[:, axis].sin()
        turn[:, a, a], turn[:, a, b], turn[:, b, a], turn[:, b, b] = cosine, -sine, sine, cosine
        matrix = turn @ matrix
    flipped = torch.rand(count, device=device) < views.flip_probability
    matrix[:, :, 0] *= torch.where(flipped, -1.0, 1.0)[:, None]
    return matrix


def _corrupted(clean: Tensor, recipe: VolumeRecipe, *, swapped: bool) -> Tensor:
    """Blur, noise, gamma, block swaps if asked for, and normalisation of views (n, 1, *shape)."""
    settings, count = recipe.corruption, len(clean)
    one = (count, 1, 1, 1, 1)
    device = clean.device
    values = _blurred(clean, settings.blur_sigma * torch.rand(count, 3, device=device))
    values = values + settings.noise_sigma * torch.rand(one, device=device) * torch.randn_like(values)
    gamma = (settings.log_gamma * (2 * torch.rand(one, device=device) - 1)).exp()
    values = (values.sign() * values.abs() ** gamma).contiguous()
    if swapped:
        _swap(values, settings.swaps, settings.swap_block)
    deviation, mean = torch.std_mean(values, dim=(1, 2, 3, 4), keepdim=True)
    normalised: Tensor = (values - mean) / deviation.clamp_min(1e-8)
    return normalised


def _blurred(values: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur of views (n, 1, *shape), with σ (n, 3): a multiplication by a matrix along each axis."""
    for axis, sigma in enumerate(sigmas.T, start=2):
        places = torch.arange(values.shape[axis], device=values.device)
        distance = (places[:, None] - places).float() / sigma.clamp_min(1e-3)[:, None, None]
        weights = (-distance.square() / 2).exp()
        weights = weights / weights.sum(2, keepdim=True)
        moved = values.movedim(axis, 2)
        values = torch.bmm(weights, moved.flatten(2).flatten(0, 1).view(len(values), moved.shape[2], -1))
        values = values.view(moved.shape).movedim(2, axis)
    return values


def _swap(values: Tensor, pairs: int, block: Shape) -> None:
    """Swap pairs of blocks in place, one after the other, in views (n, 1, *shape)."""
    count, shape, device = len(values), values.shape[2:], values.device
    highest = torch.tensor([n - k + 1 for n, k in zip(shape, block, strict=True)], device=device)
    starts = (torch.rand(pairs, 2, count, 3, device=device) * highest).long()
    steps = torch.tensor([shape[1] * shape[2], shape[2], 1], device=device)
    within = torch.cartesian_prod(*(torch.arange(k, device=device) for k in block)) @ steps
    places = (starts @ steps)[..., None] + within  # (pairs, 2, n, voxels)
    flat = values.view(count, -1)
    for first, second in places:
        one, other = flat.gather(1, first), flat.gather(1, second)
        flat.scatter_(1, first, other)
        flat.scatter_(1, second, one)
