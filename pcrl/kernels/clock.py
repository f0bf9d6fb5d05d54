"""The processor's time stamp counter, which compiled code can read without leaving the kernel."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pcrl.kernels.compile import kernel


@intrinsic
def _counter(_typing: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        counter = builder.module.declare_intrinsic(
            "llvm.readcyclecounter", fnty=ir.FunctionType(ir.IntType(64), [])
        )
        return builder.call(counter, [])

    return types.int64(), generate


@kernel(signature="int64()")
def cycles() -> int:
    """Ticks since some moment; they pass at the same rate on all cores, whatever their frequency."""
    ticks: int = _counter()  # type: ignore[call-arg]
    return ticks
