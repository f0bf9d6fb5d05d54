"""BatchNorm over the samples of all ranks, as if they lay in one batch. torch has its own for GPUs only.

Source: Ioffe and Szegedy, ICML 2015, for the gradients; statistics of ranks are joined after Chan et al., 1979.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pcrl.training.ranks.world import add_up

Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class _Normalise(torch.autograd.Function):
    """Normalise (batch, C, *spatial) with the statistics of all ranks, each of which has as many values.

    Gives the normalised values, and mean and biased variance of each channel, (C,) each.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide, axes = torch.promote_types(x.dtype, torch.float32), _axes(x)
        values = x.to(wide)
        own = torch.stack(torch.var_mean(values, axes, correction=0))  # (2, C): variance, mean
        variances, means = _gathered(own).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        deviation = (variance + eps).rsqrt()
        shape = _shape(x)
        scale = weight * deviation
        y = torch.addcmul((bias - mean * scale).view(shape), values, scale.view(shape)).to(x.dtype)
        ctx.save_for_backward(x, weight, mean, deviation)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, deviation = ctx.saved_tensors
        shape, axes = _shape(x), _axes(x)
        gradient_wide = gradient.to(mean.dtype)
        normalised = (x.to(mean.dtype) - mean.view(shape)) * deviation.view(shape)
        sums = torch.stack([gradient_wide.sum(axes), (gradient_wide * normalised).sum(axes)])
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        everywhere = sums.clone()
        add_up(everywhere)
        shift, slope = (everywhere / count).unbind(0)
        back = (gradient_wide - shift.view(shape) - normalised * slope.view(shape)) * (
            weight * deviation
        ).view(shape)
        # The parameters' gradients are averaged over ranks with all others.
        return back.to(x.dtype), sums[1], sums[0], None


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

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # what ranks exchange is not part of a graph
    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, C, *spatial); every rank must be here at the same time, with as many values."""
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        y: Tensor
        y, mean, variance = _Normalise.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        assert self.momentum is not None
        running = self.running_mean, self.running_var, self.num_batches_tracked
        running_mean, running_var, tracked = (value for value in running if value is not None)
        with torch.no_grad():
            unbiased = variance * (count / max(count - 1, 1))
            running_mean.lerp_(mean.to(running_mean.dtype), self.momentum)
            running_var.lerp_(unbiased.to(running_var.dtype), self.momentum)
            tracked.add_(1)
        return y


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


def _gathered(own: Tensor) -> Tensor:
    """(ranks, *own's shape): what each rank has."""
    size, rank = distributed.get_world_size(), distributed.get_rank()
    everyone = own.new_zeros(size, *own.shape)
    everyone[rank] = own
    add_up(everyone)
    return everyone


def _axes(x: Tensor) -> list[int]:
    return [0, *range(2, x.ndim)]


def _shape(x: Tensor) -> list[int]:
    return [1, -1, *([1] * (x.ndim - 2))]
