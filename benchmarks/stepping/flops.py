"""Multiplications and additions of a step, counted on tensors that have shapes and nothing in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from pcrl.config import load_recipe
from pcrl.training.objectives.objective import Moment
from stepping.rows import Row
from stepping.work import work_of

_SAMPLES = 2
"""As many as BatchNorm needs."""


@dataclass(frozen=True, slots=True)
class Flops:
    """Of a sample, in GFLOP.

    Args:
        forward: all forward passes of a step.
        executed: these and the backward, as far as it reaches.
    """

    forward: float
    executed: float

    @property
    def nominal(self) -> float:
        """What is usual to reckon with: a backward of twice the forward."""
        return 3 * self.forward


def nominal(recipe: str) -> float:
    """GFLOP of a sample of the published step: two layers where pcrl merges them, and every view restored."""
    return _counted(recipe, merged=False, all_heads=True, recompute=False, restored=True).nominal


def executed(recipe: str, row: Row) -> float:
    """GFLOP of a sample in a row that does not cycle; what a compiler might leave out is counted."""
    recompute = row.recompute and not row.compiled
    return _counted(recipe, row.merged, row.all_heads, recompute, restored=False).executed


@cache
def _counted(recipe: str, merged: bool, all_heads: bool, recompute: bool, restored: bool) -> Flops:
    settings = load_recipe(recipe)
    row = Row("", merged=merged, all_heads=all_heads, recompute=recompute, last=False)
    with FakeTensorMode(), FlopCounterMode(display=False) as counter:
        work = work_of(row, settings, _SAMPLES, torch.device("cpu"))
        if restored:
            work.network.compared = work.network.forward  # type: ignore[method-assign, assignment]
        draws = work.draws()
        with work.network.merged():
            outputs = work.objective(work.network, work.views, draws)
        forward = counter.get_total_flops()
        work.objective.loss(outputs, work.views, draws, Moment(0, 1)).total.backward()
        total = counter.get_total_flops()
    return Flops(forward / _SAMPLES / 1e9, total / _SAMPLES / 1e9)
