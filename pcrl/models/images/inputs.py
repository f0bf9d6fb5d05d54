"""Gray images as the 2D network takes them: three channels, normalised as ImageNet's, with holes."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's three channels."""
UNIT = sum(DEVIATION) / 3
"""What 1 in a normalised image is in gray values of [0, 1], on average over the channels."""


def to_network(images: Tensor, holes: Tensor | None) -> Tensor:
    """Expand to three channels, normalise, and set holes to 0 (Cutout, after normalisation as published).

    Nothing here waits for the device.

    Args:
        images: (n, 1, y, x) in [0, 1].
        holes: (n, holes, 4), first row and column, and those after the last; none for no holes.

    Returns:
        (n, 3, y, x).
    """
    mean, deviation = _constants(images.device, images.dtype)
    normalised: Tensor = (images - mean) / deviation
    if holes is None or not holes.shape[1]:
        return normalised
    y = torch.arange(images.shape[2], device=images.device)
    x = torch.arange(images.shape[3], device=images.device)
    y0, x0, y1, x1 = holes.unbind(dim=2)
    in_rows = (y >= y0[..., None]) & (y < y1[..., None])
    in_columns = (x >= x0[..., None]) & (x < x1[..., None])
    cut = (in_rows[..., :, None] & in_columns[..., None, :]).any(dim=1)
    return normalised.masked_fill(cut[:, None], 0.0)


def from_network(images: Tensor) -> Tensor:
    """Gray values, (n, 1, y, x), of normalised images, (n, 3, y, x): the mean of the three channels' own."""
    mean, deviation = _constants(images.device, images.dtype)
    return (images * deviation + mean).mean(dim=1, keepdim=True)


@cache
def _constants(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Mean and deviation, (3, 1, 1): kept, as bringing them to a GPU would wait for it."""
    with torch.inference_mode(False):
        mean, deviation = (
            torch.tensor(v, dtype=dtype, device=device)[:, None, None] for v in (MEAN, DEVIATION)
        )
    return mean, deviation
