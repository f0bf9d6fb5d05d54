"""The processor's time stamp counter, which compiled code can read without leaving the kernel."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pcrl.kernels.compile import kernel

HAS_COUNTER = platform.machine().lower() in {"x86_64", "amd64"}
"""Other processors do not let a program read theirs, and end one that tries."""


@intrinsic
def _counter(_typing: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        counter = builder.module.declare_intrinsic(
            "llvm.readcyclecounter", fnty=ir.FunctionType(ir.IntType(64), [])
        )
        return builder.call(counter, [])

    return types.int64(), generate


@kernel
def cycles() -> int:
    """Ticks since some moment; they pass at the same rate on all cores, whatever their frequency.

    Always 0 where there is no counter: stages within a kernel are not told apart there.
    """
    if HAS_COUNTER:
        ticks: int = _counter()  # type: ignore[call-arg]
        return ticks
    return 0


def share(part: int, whole: int) -> float:
    """Which share of some ticks a part of them is; 0 if none were counted."""
    return part / whole if whole else 0.0
