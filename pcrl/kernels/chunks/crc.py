"""CRC-32C with the CPU's own instruction."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pcrl.kernels.compile import kernel


def _crc_step(kind: Literal[8, 64]) -> Any:
    """The CPU's own CRC-32C instruction (SSE 4.2) on the `kind` bits at an address."""

    def step(_typing: Any, _crc: Any, _address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            state = ir.IntType(64 if kind == 64 else 32)
            name = "llvm.x86.sse42.crc32.64.64" if kind == 64 else "llvm.x86.sse42.crc32.32.8"
            function = builder.module.declare_intrinsic(
                name, fnty=ir.FunctionType(state, [state, ir.IntType(kind)])
            )
            pointer = builder.inttoptr(arguments[1], ir.IntType(kind).as_pointer())
            value = builder.load(pointer)
            value.align = 1
            crc = builder.trunc(arguments[0], state) if kind == 8 else arguments[0]
            result = builder.call(function, [crc, value])
            return builder.zext(result, ir.IntType(64)) if kind == 8 else result

        return types.uint64(types.uint64, types.intp), generate

    return intrinsic(step)


@intrinsic
def _load_uint32(_typing: Any, _address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        value = builder.load(builder.inttoptr(arguments[0], ir.IntType(32).as_pointer()))
        value.align = 1
        return value

    return types.uint32(types.intp), generate


@kernel(signature="uint32(intp)")
def uint32_at(address: int) -> int:
    """The little-endian number in the four bytes at an address."""
    number: int = _load_uint32(address)  # type: ignore[call-arg]
    return number


_crc_of_8_bytes = _crc_step(64)
_crc_of_1_byte = _crc_step(8)


@kernel(signature="uint32(intp, int64)")
def crc32c(address: int, size: int) -> int:
    """CRC-32C (Castagnoli) of `size` bytes at an address."""
    crc = np.uint64(0xFFFFFFFF)
    end = size - size % 8
    for i in range(0, end, 8):
        crc = _crc_of_8_bytes(crc, address + i)
    for i in range(end, size):
        crc = _crc_of_1_byte(crc, address + i)
    return np.uint32(crc ^ np.uint64(0xFFFFFFFF))  # type: ignore[return-value]
