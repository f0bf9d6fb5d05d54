"""The objective of PCRLv2: a function of outputs, target, level picks and epoch.

    L = MSE(restored, t) + C(x1, x2; s) + beta · MSE(mid_s, t) + mean over locals × globals of C(global, local; own s)
    C(a, b; s) = −½ [cos(p_s(a), stopgrad z_s(b)) + cos(p_s(b), stopgrad z_s(a))]

Source: the published code; every term has a weight in the recipe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pcrl.config import Objective
from pcrl.models.outputs import Outputs


class ViewOutputs(NamedTuple):
    """Outputs for the two global views, and for all local views concatenated along the batch (view-major)."""

    first: Outputs
    second: Outputs
    locals: Outputs | None


class Terms(NamedTuple):
    """The terms of the loss, unweighted but for beta in `mid_restoration`, and their weighted sum."""

    restoration: Tensor
    global_cosine: Tensor
    local_cosine: Tensor
    mid_restoration: Tensor
    total: Tensor


def beta(epoch: int, epochs: int) -> float:
    """Weight of the restoration from a middle level: falls from 1 to 0 along a cosine."""
    return 0.5 * (1 + math.cos(math.pi * epoch / epochs))


def number_of_picks(local_views: int) -> int:
    """Random levels that a step needs: one for the global pair, then one for each local view and global view."""
    return 1 + 2 * local_views


def forward_views(model: nn.Module, views: Tensor, local_views: Tensor, level: int) -> ViewOutputs:
    """The three forward passes of a step.

    Args:
        views: (2, batch, channels, *spatial), the two global views.
        local_views: (locals, batch, channels, *spatial); may hold none.
        level: decoder level whose restoration of view 1 is wanted.
    """
    first = model(views[0], restore=(level,))
    second = model(views[1])
    together = model(local_views.flatten(0, 1)) if len(local_views) else None
    return ViewOutputs(first, second, together)


def objective(
    outputs: ViewOutputs,
    target: Tensor,
    picks: Sequence[int],
    epoch: int,
    epochs: int,
    weights: Objective,
) -> Terms:
    """The loss of a step; nothing here waits for the device.

    Args:
        target: (batch, channels, *spatial): view 1 before corruption.
        picks: decoder levels: of the global pair, then of local view 0 against global 1, local view 0 against
            global 2, local view 1 against global 1, and so on.
    """
    first, second, level = outputs.first, outputs.second, picks[0]
    zero = torch.zeros((), dtype=torch.float32, device=target.device)
    restoration = (
        functional.mse_loss(first.restored.to(target.dtype), target) if weights.restoration else zero
    )
    global_cosine = agreement(first, second, level) if weights.global_cosine else zero
    mid = zero
    if weights.mid_restoration:
        mid = beta(epoch, epochs) * functional.mse_loss(first.mids[level].to(target.dtype), target)
    local_cosine = zero
    if outputs.locals is not None and weights.local_cosine:
        pairs = [
            agreement(one, local, picks[1 + 2 * number + which])
            for number, local in enumerate(_per_view(outputs.locals, len(target)))
            for which, one in enumerate((first, second))
        ]
        local_cosine = torch.stack(pairs).mean()
    total = (
        weights.restoration * restoration
        + weights.global_cosine * global_cosine
        + weights.local_cosine * local_cosine
        + weights.mid_restoration * mid
    )
    return Terms(restoration, global_cosine, local_cosine, mid, total)


def agreement(a: Outputs, b: Outputs, level: int) -> Tensor:
    """C(a, b; level): −1 when each view's prediction points where the other's projection does."""
    one = functional.cosine_similarity(a.predictions[level], b.projections[level].detach())
    two = functional.cosine_similarity(b.predictions[level], a.projections[level].detach())
    return -0.5 * (one.mean() + two.mean())


def _per_view(outputs: Outputs, batch: int) -> list[Outputs]:
    """Undo the concatenation of local views: projections and predictions of each."""
    projections = [z.split(batch) for z in outputs.projections]
    predictions = [p.split(batch) for p in outputs.predictions]
    return [
        Outputs(outputs.restored, [z[n] for z in projections], [p[n] for p in predictions], {})
        for n in range(len(projections[0]))
    ]
