"""From the merged convolution's channels to voxels: one channel in 2^dims becomes one of the fine voxels around."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor

Slices = tuple[slice, ...]


def shuffled(y: Tensor, bias: Tensor | None) -> Tensor:
    """Put channels in their places, and add a bias.

    Voxel 2q + a of the output is voxel q + a of y, in the channels of parity a.

    Args:
        y: (batch, 2^dims · C, *size + 1), parities before channels.
        bias: (1, C, *2 · size), or none; may be of higher precision than y.

    Returns:
        (batch, C, *2 · size), of y's precision, channels last.
    """
    if torch.compiler.is_compiling():
        return _rearranged(y, bias)
    placed: Tensor = _Shuffle.apply(y, bias)  # type: ignore[no-untyped-call]
    return placed


def channels_last(dims: int) -> torch.memory_format:
    """The memory format of images (2) or volumes (3) whose channels lie side by side."""
    return torch.channels_last if dims == 2 else torch.channels_last_3d


class _Shuffle(torch.autograd.Function):
    """The backward is written by hand: autograd's own fills and adds a whole tensor for each of the slices, which costs
    more than the merged convolution saves."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, bias: Tensor | None) -> Tensor:
        ctx.shape, ctx.last = y.shape, channels_last(y.ndim - 2)
        ctx.precision = None if bias is None else bias.dtype
        fine = [2 * (edge - 1) for edge in y.shape[2:]]
        shape = (y.shape[0], y.shape[1] // 2 ** len(fine), *fine)
        out = torch.empty(shape, dtype=y.dtype, device=y.device, memory_format=ctx.last)
        for coarse, place in _places(y.shape):
            if bias is None:
                out[place] = y[coarse]
            else:
                torch.add(y[coarse], bias[place], out=out[place])
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (gradient,) = gradients
        back = total = None
        if ctx.needs_input_grad[0]:
            options = {"dtype": gradient.dtype, "device": gradient.device, "memory_format": ctx.last}
            back = torch.empty(ctx.shape, **options).zero_()
            for coarse, place in _places(ctx.shape):
                back[coarse] = gradient[place]
        if ctx.needs_input_grad[1]:
            # In the order of memory: with channels first, a CPU takes ten times as long.
            rows = gradient.movedim(1, -1).sum(dim=0, keepdim=True, dtype=ctx.precision)
            total = rows.movedim(-1, 1)
        return back, total


def _places(shape: torch.Size) -> Iterator[tuple[Slices, Slices]]:
    """For each parity: where its voxels are in y, of that shape, and where in the output."""
    dims, every = len(shape) - 2, slice(None)
    channels = shape[1] // 2**dims
    for number, parity in enumerate(product((0, 1), repeat=dims)):
        window = (slice(a, a + edge - 1) for a, edge in zip(parity, shape[2:], strict=True))
        own = slice(number * channels, (number + 1) * channels)
        yield (every, own, *window), (every, every, *(slice(a, None, 2) for a in parity))


def _rearranged(y: Tensor, bias: Tensor | None) -> Tensor:
    """The same in plain operations, which a compiler makes one pass of, forward and backward.

    Voxel 2z + 1 - a of an axis is voxel z of y, in the channels of parity a: a shuffle of whole blocks with parities in
    reverse, whose first and last voxels are cut off. Channels are the last axis throughout, so that the gradient of y
    is channels last too: with channels first, the convolution would copy it before it goes on.
    """
    dims = y.ndim - 2
    blocks = y.movedim(1, -1).unflatten(-1, (*(2,) * dims, -1))  # (batch, *size + 1, *parity, C)
    blocks = blocks.flip([1 + dims + n for n in range(dims)])
    pairs = [axis for n in range(1, 1 + dims) for axis in (n, n + dims)]
    fine = blocks.permute(0, *pairs, -1).reshape(y.shape[0], *(2 * edge for edge in y.shape[2:]), -1)
    out = fine[(slice(None), *(slice(1, -1),) * dims)]
    if bias is not None:
        out = (out + bias.movedim(1, -1)).to(y.dtype)
    last: Tensor = out.contiguous().movedim(-1, 1)
    return last
