"""Less memory for more time: what a part of a network computes is not kept for the backward, but computed again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

T = TypeVar("T")


def run(function: Callable[..., T], *inputs: object, norms: nn.Module, recompute: bool) -> T:
    """`function(*inputs)`; with `recompute`, only the inputs are kept for the backward, which calls it again.

    Gradients and statistics are the same either way. Compiled graphs do not recompute here: the compiler decides what
    it keeps.

    Args:
        norms: holds every BatchNorm that `function` runs: their statistics are left alone the second time.
    """
    if not recompute or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return function(*inputs)
    # Nothing here is random, and reading the state of the generators would cost time.
    result: T = checkpoint(
        function,
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (contextlib.nullcontext(), _statistics_kept(norms)),
    )
    return result


@contextlib.contextmanager
def _statistics_kept(norms: nn.Module) -> Iterator[None]:
    """Within it BatchNorm in training, which does not read its running statistics and counts, does not change them."""
    kept: list[tuple[nn.Module, str, torch.Tensor]] = [
        (module, name, buffer)
        for module in norms.modules()
        if isinstance(module, _BatchNorm) and module.training
        for name in ("running_mean", "running_var", "num_batches_tracked")
        if isinstance(buffer := getattr(module, name), torch.Tensor)
    ]
    try:
        for module, name, buffer in kept:
            setattr(module, name, torch.empty_like(buffer))
        yield
    finally:
        for module, name, buffer in kept:
            setattr(module, name, buffer)
