"""Augmentation of patches: small rotations, scaling, contrast, noise."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pcrl.config.volumes import Augmentation


def augment(
    image: Tensor, label: Tensor, settings: Augmentation, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Turn, scale, shift contrast and add noise; each sample its own.

    Args:
        image: (batch, channel, z, y, x) float32, deviation about 1.
        label: (batch, z, y, x) int64.
        rng: the only source of chance.
    """
    count, device = len(image), image.device
    matrices = np.stack([_turn_and_scale(rng, image.shape[2:], settings) for _ in range(count)])
    theta = torch.from_numpy(matrices).to(device, torch.float32)
    grid = functional.affine_grid(theta, list(image.shape), align_corners=False)
    image = functional.grid_sample(image, grid, padding_mode="border", align_corners=False)
    turned = functional.grid_sample(
        label[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    contrast = rng.uniform(1 - settings.contrast, 1 + settings.contrast, (count, 1, 1, 1, 1)).astype(
        np.float32
    )
    brightness = rng.uniform(-settings.brightness, settings.brightness, (count, 1, 1, 1, 1)).astype(
        np.float32
    )
    sigma = rng.uniform(0, settings.noise, (count, 1, 1, 1, 1)).astype(np.float32)
    noise = torch.from_numpy(sigma * rng.standard_normal(image.shape, np.float32)).to(device)
    image = image * torch.from_numpy(contrast).to(device) + torch.from_numpy(brightness).to(device) + noise
    return image, turned[:, 0].long()


def _turn_and_scale(
    rng: np.random.Generator, size: torch.Size, settings: Augmentation
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """3×4 matrix for `affine_grid`, which wants x, y, z and coordinates from -1 to 1 on every axis."""
    scale, largest = math.log(settings.scale), math.radians(settings.angle)
    matrix = np.eye(3) * math.exp(rng.uniform(-scale, scale))
    for axis in range(3):
        angle = rng.uniform(-largest, largest)
        turn = np.eye(3)
        i, j = (other for other in range(3) if other != axis)
        turn[[i, i, j, j], [i, j, i, j]] = [
            math.cos(angle),
            -math.sin(angle),
            math.sin(angle),
            math.cos(angle),
        ]
        matrix = turn @ matrix
    half = np.asarray(size[::-1], float)
    return np.concatenate([matrix * half[None, :] / half[:, None], np.zeros((3, 1))], axis=1)
