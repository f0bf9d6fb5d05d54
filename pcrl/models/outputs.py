"""What a pre-training network gives, whatever its number of dimensions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Compared(NamedTuple):
    """What views are compared by; lists run over decoder levels, coarsest first.

    Args:
        projections: z of each level, (batch, C).
        predictions: p of each level, (batch, C).
    """

    projections: list[Tensor]
    predictions: list[Tensor]

    def widened(self) -> Compared:
        """See `Outputs.widened`."""
        return Compared([_widened(z) for z in self.projections], [_widened(p) for p in self.predictions])


class Outputs(NamedTuple):
    """What one forward pass gives; lists run over decoder levels, coarsest first.

    Args:
        restored: (batch, channels, *spatial), of the input's size. In 3D within [0, 1]; in 2D linear.
        projections: z of each level, (batch, C).
        predictions: p of each level, (batch, C).
        mids: restoration from each level that was asked for, upsampled to the input's size.
    """

    restored: Tensor
    projections: list[Tensor]
    predictions: list[Tensor]
    mids: dict[int, Tensor]

    def widened(self) -> Outputs:
        """The same in float32, where the network computed in bfloat16: for squared errors and cosines."""
        return Outputs(
            _widened(self.restored),
            [_widened(z) for z in self.projections],
            [_widened(p) for p in self.predictions],
            {level: _widened(mid) for level, mid in self.mids.items()},
        )


def _widened(value: Tensor) -> Tensor:
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
