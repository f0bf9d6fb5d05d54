"""Clocks: of steps on a device, and of the chip itself."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from itertools import pairwise

import torch

from pcrl.models.precision import in_use

LEAST, MOST = 3, 60
"""Steps that are counted."""


def durations(step: Callable[[], object], device: torch.device, seconds: float) -> list[float]:
    """Seconds of each of some steps, one after the other without a pause.

    On a GPU the host goes on while it computes, as in training: marks between steps are read at the end.

    Args:
        seconds: about so long are steps counted, if these are `LEAST` to `MOST`.
    """
    finish(device)
    began = time.perf_counter()
    step()
    finish(device)
    count = max(LEAST, min(MOST, int(seconds / (time.perf_counter() - began))))
    if device.type != "cuda":
        times = [time.perf_counter()]
        for _ in range(count):
            step()
            times.append(time.perf_counter())
        return [after - before for before, after in pairwise(times)]
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    marks[0].record()
    for mark in marks[1:]:
        step()
        mark.record()
    finish(device)
    return [before.elapsed_time(after) / 1e3 for before, after in pairwise(marks)]


def finish(device: torch.device) -> None:
    """Wait until a device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forget_peak(device: torch.device) -> None:
    """Begin anew with the most memory that was in use, which a CPU cannot."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_gigabytes(device: torch.device) -> float:
    """The most memory that was in use: on a GPU by tensors, on a CPU by the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def matrix_rate(device: torch.device) -> float:
    """TFLOP/s at which a device multiplies large matrices, in the numbers that networks compute in there."""
    edge = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(edge, edge, device=device).to(in_use(device)) for _ in range(2))
    times = durations(lambda: a @ b, device, seconds=0.5)
    return 2 * edge**3 / min(times) / 1e12


def copy_rate(device: torch.device) -> float:
    """GB/s at which a device copies its own memory, read and written bytes together."""
    source = torch.zeros(2**31 if device.type == "cuda" else 2**27, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = durations(lambda: target.copy_(source), device, seconds=0.5)
    return 2 * source.numel() / min(times) / 1e9
