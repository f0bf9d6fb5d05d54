"""One row, measured in this process."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from pcrl.config import load_recipe
from pcrl.models.precision import in_use
from pcrl.training.stepping.allocation import memory_kept
from stepping.rows import Row, Suite
from stepping.steps import Step, step_of
from stepping.timing import copy_rate, durations, finish, forget_peak, matrix_rate, peak_gigabytes
from stepping.work import CHECKED, backends, work_of

_KERNELS = 25
"""Lines of the table of kernels."""


def chip(device: torch.device) -> dict[str, Any]:
    """What the machine is, and its rates."""
    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if gpu else "CPU",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
        "numbers": str(in_use(device)).removeprefix("torch."),
        "matrix_tflops": matrix_rate(device),
        "copy_gbs": copy_rate(device),
    }


def measure(
    suite: Suite, row: Row, device: torch.device, out: Path, seconds: float, overrides: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Do the steps of a row.

    Args:
        out: where the table of kernels goes, if the row asks for it.
        seconds: for which steps are counted.
        overrides: settings that differ from the recipe's.
    """
    began = time.perf_counter()
    recipe = load_recipe(suite.recipe, overrides)
    # As the trainer does it.
    with backends(row), memory_kept(device) if row.own else nullcontext():
        work = work_of(row, recipe, suite.batch, device)
        step = step_of(work, recipe)
        losses = [step() for _ in range(CHECKED)]
        finish(device)
        first = time.perf_counter() - began
        for _ in range(2 * work.network.decoder_levels if row.cycling else 0):
            step()
        forget_peak(device)
        times = sorted(durations(step, device, seconds))
        if row.profile and device.type == "cuda":
            name = f"kernels {suite.name} {row.name}".replace(" ", "-").replace(",", "")
            (out / f"{name}.txt").write_text(_longest_kernels(step, device), encoding="utf-8")
    return {
        "batch": suite.batch,
        "ms": 1e3 * times[len(times) // 2],
        "least": 1e3 * times[0],
        "most": 1e3 * times[-1],
        "steps": len(times),
        "peak_gb": peak_gigabytes(device),
        "losses": [float(loss) for loss in losses],
        "graphs": torch._dynamo.utils.counters["stats"]["unique_graphs"],
        "first_steps_s": first,
        "seconds": time.perf_counter() - began,
    }


def _longest_kernels(step: Step, device: torch.device) -> str:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        step()
        finish(device)
    averages = profile.key_averages()
    table: str = averages.table(sort_by="cuda_time_total", row_limit=_KERNELS, max_name_column_width=90)
    return table + "\n"
