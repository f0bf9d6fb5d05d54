"""In which numbers networks compute: bfloat16 where the hardware multiplies matrices in it, float32 else.

Weights, losses, statistics and optimisers are float32 everywhere.
"""

from __future__ import annotations

import contextlib
from functools import cache

import torch


def in_use(device: torch.device) -> torch.dtype:
    """What networks compute in: bfloat16 on GPUs from Ampere on, and on CPUs with units for it (half the time)."""
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        fast = device.type == "cpu" and _matrix_units()
    return torch.bfloat16 if fast else torch.float32


def autocast(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Within it networks compute in what `in_use` says."""
    found: contextlib.AbstractContextManager[None] = torch.autocast(
        device.type, torch.bfloat16, enabled=in_use(device) == torch.bfloat16
    )
    return found


def float32(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Within it nothing computes in bfloat16, whatever is around it: for logits, losses, ranks."""
    found: contextlib.AbstractContextManager[None] = torch.autocast(device.type, enabled=False)
    return found


@cache
def _matrix_units() -> bool:
    # Without them bfloat16 is emulated, and slower than float32. Older versions of torch do not tell.
    return hasattr(torch.cpu, "get_capabilities") and bool(torch.cpu.get_capabilities().get("amx_bf16"))
