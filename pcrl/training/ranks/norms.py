"""BatchNorm over the samples of all ranks, as if they lay in one batch. torch has its own for GPUs only.

Statistics of ranks are joined after Chan et al., 1979.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pcrl.training.ranks.world import add_up

Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@torch.library.custom_op("pcrl::sum_over_ranks", mutates_args=())
def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum of a value over all ranks, through which gradients flow. An operation of its own, which compiled graphs
    hold as a whole."""
    total = value.clone(memory_format=torch.contiguous_format)
    add_up(total)
    return total


@sum_over_ranks.register_fake
def _(value: Tensor) -> Tensor:
    return torch.empty_like(value, memory_format=torch.contiguous_format)


def _sum_backward(_: Any, gradient: Tensor) -> Tensor:
    back: Tensor = sum_over_ranks(gradient)
    return back


sum_over_ranks.register_autograd(_sum_backward)


class RankNorm(_BatchNorm):
    """A BatchNorm whose statistics are those of all ranks in training; parameters and buffers are those of `norm`.

    Args:
        norm: affine, with running statistics.
    """

    def __init__(self, norm: Norm) -> None:
        if not (norm.affine and norm.track_running_stats and norm.momentum):
            raise ValueError(f"{norm}: expected weights, running statistics and a momentum")
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self.ranks = distributed.get_world_size()
        own = torch.zeros(self.ranks, 1, 1, device=norm.weight.device)
        own[distributed.get_rank()] = 1
        self.own: Tensor
        self.register_buffer("own", own, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, C, *spatial); every rank must be here at the same time, with as many values."""
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        axes, shape = [0, *range(2, x.ndim)], [1, -1, *([1] * (x.ndim - 2))]
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        here = torch.stack(torch.var_mean(values, axes, correction=0))  # (2, C): variance, mean
        # Each rank adds its row to the others' zeros: (ranks, 2, C).
        variances, means = sum_over_ranks(self.own.to(here.dtype) * here).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        self._remember(mean.detach(), variance.detach(), x.numel() // x.shape[1] * self.ranks)
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul((self.bias - mean * scale).view(shape), values, scale.view(shape)).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards those of `count` values."""
        running = self.running_mean, self.running_var, self.num_batches_tracked
        running_mean, running_var, tracked = (value for value in running if value is not None)
        assert self.momentum is not None
        running_mean.lerp_(mean.to(running_mean.dtype), self.momentum)
        running_var.lerp_((variance * (count / max(count - 1, 1))).to(running_var.dtype), self.momentum)
        tracked.add_(1)


def share_norms(module: nn.Module, kinds: tuple[type[Norm], ...]) -> None:
    """Replace every BatchNorm of these kinds in a module by one over all ranks. Names and weights stay."""
    for name, child in module.named_children():
        if isinstance(child, kinds):
            shared = RankNorm(child)
            shared.train(child.training)
            setattr(module, name, shared)
        else:
            share_norms(child, kinds)


def local_norms(*modules: nn.Module) -> list[Norm]:
    """The BatchNorms whose statistics are still those of one rank."""
    return [each for module in modules for each in module.modules() if isinstance(each, NORMS)]
