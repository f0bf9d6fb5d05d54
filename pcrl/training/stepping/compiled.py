"""Compiling the forward passes of a step."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

import torch

from pcrl.config import RecipeError, Training
from pcrl.training.objectives.objective import Objective
from pcrl.training.stepping.step import Forward

_C, _CPP = ("cc", "gcc", "clang"), ("c++", "g++", "clang++")
_OLDEST = (7, 0)
"""Capability of the oldest GPUs that Triton compiles for."""


def forward_of(
    objective: Objective, training: Training, device: torch.device, note: Callable[[str], None]
) -> Forward:
    """The forward passes of an objective, compiled where the recipe wants that and the machine can.

    The level of a step is a constant of its graph, so that there is one graph a level. Loss and backward of the whole
    are not compiled: they would be again for every combination of levels.

    Raises:
        RecipeError: `training.compile = "on"`, and the machine has no compiler.
    """
    wanted = device.type == "cuda" if training.compile == "auto" else training.compile == "on"
    # A compiler decides for itself what it keeps: what is recomputed is not compiled.
    if not wanted or training.recompute:
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
    gpu = device.type == "cuda"
    named = os.environ.get("CC" if gpu else "CXX")
    if not any(shutil.which(name) for name in (named, *(_C if gpu else _CPP)) if name):
        return f"this machine has no {'C' if gpu else 'C++'} compiler"
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        return "this machine has no headers of Python (Python.h, in python3-dev)"
    if gpu and importlib.util.find_spec("triton") is None:
        return "this installation of torch has no Triton"
    if gpu and torch.cuda.get_device_capability(device) < _OLDEST:
        return f"{torch.cuda.get_device_name(device)} is older than what Triton compiles for"
    return ""
