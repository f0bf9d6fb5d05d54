"""Which of many scans might be copies of each other: few enough to be compared in detail."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcrl.evaluation.leak.affine import resampled
from pcrl.evaluation.leak.alike import as_tensor, coarse, turned
from pcrl.evaluation.leak.foreground import to_boxes

_BYTES = 1 << 28
"""Of the products that are in memory at a time."""
_TOGETHER = 4096
"""Thumbnails that are cut to their foreground at a time."""


class Neighbours:
    """Thumbnails among which neighbours are looked for, as a whole and by their foreground.

    Args:
        pictures: (n, edges) uint8.
    """

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._views = _views(pictures)
        self._count = len(pictures)

    def nearest(self, asked: NDArray[np.uint8], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of which each may be a copy.

        Args:
            asked: (m, edges) uint8, in whichever orientation.
            count: nearest ones of each that are given, as a whole and by its foreground.

        Returns:
            (pairs,) positions in `asked` and in those among which is looked, each pair once.
        """
        count = min(count, self._count)
        pairs: set[tuple[int, int]] = set()
        ways = len(turned(asked[0])) if len(asked) else 1
        each = max(1, _BYTES // (4 * ways * max(1, self._count)))
        for first in range(0, len(asked), each):
            some = asked[first : first + each]
            every = np.concatenate([turned(picture) for picture in some])
            for mine, theirs in zip(_views(every), self._views, strict=True):
                agreement = (mine @ theirs.T).abs_().reshape(len(some), ways, -1).amax(1)
                for row, found in enumerate(agreement.topk(count, 1).indices.tolist()):
                    pairs |= {(first + row, each_found) for each_found in found}
        ordered = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        return ordered[:, 0], ordered[:, 1]


def _views(pictures: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Coarse grids of the whole and of the foreground."""
    whole, foreground = [], []
    for first in range(0, len(pictures), _TOGETHER):
        some = as_tensor(pictures[first : first + _TOGETHER])
        whole.append(coarse(some))
        foreground.append(coarse(resampled(some, to_boxes(some))))
    return torch.cat(whole), torch.cat(foreground)
