"""Reading a file from compiled code, without the GIL: the system's `pread`."""

from __future__ import annotations

from typing import Any

from numba import types

from pcrl.kernels.compile import kernel

_pread: Any = types.ExternalFunction("pread", types.intp(types.int32, types.intp, types.intp, types.int64))


@kernel(signature="boolean(int32, intp, int64, int64)")
def read_at(descriptor: int, address: int, size: int, offset: int) -> bool:
    """Read `size` bytes at `offset` of an open file to an address; False if there are fewer, or on an error."""
    done = 0
    while done < size:
        count = _pread(descriptor, address + done, size - done, offset + done)
        if count <= 0:
            return False
        done += count
    return True
