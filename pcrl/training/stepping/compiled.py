"""Compiling the forward passes of a step."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable

import torch

from pcrl.config import RecipeError, Training
from pcrl.training.objectives.objective import Objective
from pcrl.training.stepping.step import Forward

_COMPILERS = ("cc", "gcc", "clang")


def forward_of(
    objective: Objective, training: Training, device: torch.device, note: Callable[[str], None]
) -> Forward:
    """The forward passes of an objective, compiled where the recipe wants that and the machine can.

    The level of a step is a constant of its graph, so that there is one graph a level. Loss and backward of the whole
    are not compiled: they would be again for every combination of levels.

    Raises:
        RecipeError: `training.compile = "on"`, and the machine has no compiler.
    """
    if training.compile == "off" or (training.compile == "auto" and device.type != "cuda"):
        return objective
    if missing := _missing(device):
        if training.compile == "on":
            raise RecipeError(
                f"training.compile = 'on': {missing}; install it, or leave training.compile at 'auto'"
            )
        note(
            f"{missing}: nothing is compiled, and steps take longer. Install it, or set training.compile=off"
        )
        return objective
    compiled: Forward = torch.compile(objective, dynamic=False)
    return compiled


def _missing(device: torch.device) -> str:
    """What of a compiler this machine lacks, in words; none if it is there."""
    if not any(shutil.which(name) for name in (os.environ.get("CC"), *_COMPILERS) if name):
        return "this machine has no C compiler"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "this installation of torch has no Triton"
    return ""
