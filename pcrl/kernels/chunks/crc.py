"""CRC-32C with the CPU's own instruction, or with tables where it has none."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from llvmlite import binding, ir
from numba import config, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's, its bits in reverse."""
_BYTE = np.uint64(0xFF)
_ONES = np.uint64(0xFFFFFFFF)


def _has_instruction() -> bool:
    """Whether the CPU that Numba compiles for knows SSE 4.2."""
    settings: Any = config
    if settings.CPU_FEATURES is not None:
        return "+sse4.2" in settings.CPU_FEATURES.split(",")
    if settings.CPU_NAME is not None:  # another one than this, of which nothing is known
        return False
    try:
        return bool(binding.get_host_cpu_features().get("sse4.2", False))
    except RuntimeError:  # LLVM cannot tell
        return False


HAS_INSTRUCTION = _has_instruction()


def _load(bits: Literal[8, 32]) -> Any:
    """The little-endian number in the `bits` at an address."""

    def load(_typing: Any, _address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            value = builder.load(builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer()))
            value.align = 1
            return value

        return (types.uint32 if bits == 32 else types.uint8)(types.intp), generate

    return intrinsic(load)


_load_8, _load_32 = _load(8), _load(32)


@kernel(signature="uint32(intp)")
def uint32_at(address: int) -> int:
    """The little-endian number in the four bytes at an address."""
    number: int = _load_32(address)
    return number


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


_crc_of_8_bytes = _crc_step(64)
_crc_of_1_byte = _crc_step(8)


# Compiled when they are called: the one of the two that this machine cannot run never is.
@kernel
def crc_by_instruction(address: int, size: int) -> int:
    """CRC-32C (Castagnoli) of `size` bytes at an address; only where the CPU `HAS_INSTRUCTION`."""
    crc = _ONES
    end = size - size % 8
    for i in range(0, end, 8):
        crc = _crc_of_8_bytes(crc, address + i)
    for i in range(end, size):
        crc = _crc_of_1_byte(crc, address + i)
    return np.uint32(crc ^ _ONES)  # type: ignore[return-value]


def _tables() -> NDArray[np.uint64]:
    """(8, 256): what a byte does to the CRC, with 0 … 7 zeros after it (Kounavis and Berry, 2005: slicing by 8)."""
    tables = np.empty((8, 256), np.uint64)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        tables[0, byte] = crc
    for zeros in range(1, 8):
        before = tables[zeros - 1]
        tables[zeros] = before >> np.uint64(8) ^ tables[0][before & _BYTE]
    return tables


_TABLES = _tables()


@kernel
def crc_by_table(address: int, size: int) -> int:
    """The same anywhere, a few times slower."""
    crc = _ONES
    end = size - size % 8
    for i in range(0, end, 8):
        low = np.uint64(uint32_at(address + i)) ^ crc
        high = np.uint64(uint32_at(address + i + 4))
        crc = np.uint64(0)
        for byte in range(4):
            shift = np.uint64(8 * byte)
            crc ^= _TABLES[7 - byte, low >> shift & _BYTE] ^ _TABLES[3 - byte, high >> shift & _BYTE]
    for i in range(end, size):
        crc = _TABLES[0, (crc ^ np.uint64(_load_8(address + i))) & _BYTE] ^ crc >> np.uint64(8)
    return np.uint32(crc ^ _ONES)  # type: ignore[return-value]


crc32c = crc_by_instruction if HAS_INSTRUCTION else crc_by_table
"""CRC-32C (Castagnoli) of `size` bytes at an address."""
