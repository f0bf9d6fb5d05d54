"""What a pre-training network gives, whatever its number of dimensions."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


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

    def float(self) -> Outputs:
        """All of it in float32, whatever the network computed in."""
        return Outputs(
            self.restored.float(),
            [z.float() for z in self.projections],
            [p.float() for p in self.predictions],
            {level: mid.float() for level, mid in self.mids.items()},
        )
