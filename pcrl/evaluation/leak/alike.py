"""How alike two scans are, however one of them was turned, mirrored, cut, padded or scaled."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.leak.affine import identity, improved, likeness, limited, smaller, smoothed
from pcrl.evaluation.leak.foreground import between_boxes

COARSE = {2: 8, 3: 6}
"""Cells along each edge of the grid on which whole thumbnails are compared as they are."""
_FIRST = {2: 2, 3: 3}
"""How many times shorter the edges of the thumbnails are between which the first maps are looked for."""
_TURNS, _KEPT = 3, 2
"""Orientations from which maps are looked for, and maps of which the better one is followed to the end."""
_SHARE = 0.4
"""Of the smaller of two fields of view that must be common to both."""
_CELLS = 1 << 18
"""Of all pairs that are worked on at a time."""


def turned(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A thumbnail in all 8 or 48 orientations along its axes; first as it is. (orientations, edges)."""
    dims = picture.ndim
    ways = product(permutations(range(dims)), product((1, -1), repeat=dims))
    return np.stack(
        [
            np.transpose(picture, axes)[tuple(slice(None, None, sign) for sign in signs)]
            for axes, signs in ways
        ]
    )


def coarse(pictures: Tensor) -> Tensor:
    """(n, cells) of length 1: thumbnails (n, 1, edges) without detail, to be compared by products."""
    dims = pictures.ndim - 2
    pool = torch.nn.functional.adaptive_avg_pool2d if dims == 2 else torch.nn.functional.adaptive_avg_pool3d
    flat = pool(pictures, COARSE[dims]).flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    unit: Tensor = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-6)
    return unit


def as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, edges) uint8 as (n, 1, edges) float32, 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).float()[:, None] / 255


def alike(ones: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How alike pairs of thumbnails are at best.

    Args:
        ones, others: (pairs, edges) uint8.

    Returns:
        (pairs,) from 0 to 1; see `pcrl.evaluation.leak.affine.likeness`.
    """
    each = max(1, _CELLS // max(1, ones[0].size)) if len(ones) else 1
    found = []
    for first in range(0, len(ones), each):
        some, theirs = ones[first : first + each], others[first : first + each]
        # Where only one of two has a border, it is laid onto the other more easily than the other onto it.
        found.append(np.maximum(_laid(some, theirs), _laid(theirs, some)))
    return np.concatenate(found) if found else np.empty(0, np.float32)


def _laid(ones: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How alike pairs are with the first in the best orientation, and the second laid onto it."""
    dims, pairs = ones.ndim - 1, len(ones)
    to = as_tensor(others)
    begun = [_orientations(one, each) for one, each in zip(ones, coarse(to), strict=True)]
    # (turns, pairs, …), then all of them in a row.
    turns = as_tensor(np.stack(begun, 1).reshape(-1, *ones.shape[1:]))
    targets = to.repeat(_TURNS, *[1] * (dims + 1))
    tiny, tiny_targets = smaller(turns, _FIRST[dims]), smaller(targets, _FIRST[dims])
    blurred, blurred_targets = smoothed(tiny), smoothed(tiny_targets)
    # All starts in one batch: (starts · turns · pairs).
    starts = _starts(turns, targets)
    often = (len(starts), *[1] * (dims + 1))
    better = improved(blurred.repeat(often), blurred_targets.repeat(often), limited(torch.cat(starts)), 10)
    ranked = _counted(tiny.repeat(often), tiny_targets.repeat(often), better).reshape(-1, pairs)
    listed = better.reshape(-1, pairs, dims, dims + 1)
    small, small_targets = smaller(turns, 2), smaller(targets, 2)
    every = torch.arange(pairs)
    followed = []
    for kept in ranked.topk(_KEPT, 0).indices:
        own = kept % _TURNS * pairs + every
        better = improved(small[own], small_targets[own], listed[kept, every], 6)
        followed.append((_counted(small[own], small_targets[own], better), own, better))
    first, second = followed
    wins = first[0] >= second[0]
    own = torch.where(wins, first[1], second[1])
    better = torch.where(wins[:, None, None], first[2], second[2])
    better = improved(turns[own], targets[own], better, 4)
    return _counted(turns[own], targets[own], better).numpy()


def _counted(one: Tensor, other: Tensor, maps: Tensor) -> Tensor:
    """Likeness where enough is common to both, else none."""
    correlation, share = likeness(one, other, maps)
    return correlation * (share > _SHARE)


def _orientations(one: NDArray[np.uint8], other: Tensor) -> NDArray[np.uint8]:
    """A thumbnail as it is, and in the orientations in which it is the most like another on the coarse grid."""
    ways = turned(one)
    agreement = (coarse(as_tensor(ways)) @ other).abs()
    agreement[0] = 2
    chosen: NDArray[np.uint8] = ways[agreement.topk(_TURNS).indices.numpy()]
    return chosen


def _starts(one: Tensor, other: Tensor) -> list[Tensor]:
    """Maps from which the best is looked for: the whole, the foreground, larger, smaller, moved along each axis."""
    pairs, dims = len(one), one.ndim - 2
    starts = [identity(pairs, dims), between_boxes(one, other)]
    starts += [identity(pairs, dims) * scale for scale in (0.75, 1.3)]
    for axis, shift in product(range(dims), (-0.2, 0.2)):
        moved = identity(pairs, dims)
        moved[:, axis, dims] = shift
        starts.append(moved)
    return starts
