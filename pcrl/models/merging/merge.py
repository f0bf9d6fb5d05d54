"""Running an up-sampling and the convolution after it merged, with kernels that are put together once a step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from pcrl.models.merging.kernels import Kernels, NearestThenConv, TransposedThenConv
from pcrl.models.merging.shuffle import shuffled


class Merge(nn.Module):
    """Kernels of one decoder level, kept while `merged` is open. It owns no weights, and adds none to a state dict.

    Args:
        join: makes the kernels out of the two layers.
    """

    def __init__(self, join: TransposedThenConv | NearestThenConv) -> None:
        super().__init__()
        self.join = join
        self.open = False
        self.kept: dict[tuple[bool, bool], Kernels] = {}

    def forward(self, up: nn.Module, conv: nn.Module, size: torch.Size) -> Kernels | None:
        """The kernels of the two layers for a coarse map of some size.

        None outside of `merged`, and for maps so small that the layers are faster: then they run one after the other.
        """
        if not self.open or prod([edge + 1 for edge in size]) > self.join.windows * prod(size):
            return None
        if torch.compiler.is_compiling():  # The compiler sees that the passes of a step compute the same.
            return self._joined(up, conv)
        mode = (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
        if mode not in self.kept:
            self.kept[mode] = self._joined(up, conv)
        return self.kept[mode]

    def _joined(self, up: nn.Module, conv: nn.Module) -> Kernels:
        joined: Kernels = self.join(up, conv)
        return joined


@contextlib.contextmanager
def merged(merges: Iterable[Merge]) -> Iterator[None]:
    """Within it, weights do not change and layers run merged; kernels are dropped at its end. Nesting is harmless."""
    opened = [merge for merge in merges if not merge.open]
    try:
        for merge in opened:
            merge.open = True
        yield
    finally:
        for merge in opened:
            merge.open = False
            merge.kept.clear()


def convolve(x: Tensor, kernels: Kernels) -> Tensor:
    """What the two layers give: (batch, inputs, *size) to (batch, C, *2 · size), channels last."""
    convolution = functional.conv2d if x.ndim == 4 else functional.conv3d
    y = convolution(x, kernels.weight, padding=1)
    bias = None if kernels.bias is None else _spread(kernels.bias, x.shape[2:])
    return shuffled(y, bias)


def _spread(bias: Tensor, size: torch.Size) -> Tensor:
    """(1, C, 3, …) to (1, C, *2 · size), channels last: the first and last voxels of each axis are at its ends."""
    spread = bias.movedim(1, -1)
    for axis, edge in enumerate(size, start=1):
        first, inner, last = spread.split(1, dim=axis)
        sizes = [-1] * spread.ndim
        sizes[axis] = 2 * edge - 2
        spread = torch.cat([first, inner.expand(sizes), last], dim=axis)
    return spread.movedim(-1, 1)
