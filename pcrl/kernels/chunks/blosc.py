"""The C decompressor that Numba code calls: c-blosc2's, which the `blosc2` wheel ships as a shared library.

It reads the frames that zarr and the HDF5 filter write. It is bound by name, so that compiled code that calls it can be
cached on disk.
"""

from __future__ import annotations

import ctypes
import weakref
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llvmlite import binding
from numba import types

_SYMBOL = "pcrl_blosc2_decompress_ctx"


class _Parameters(ctypes.Structure):
    """`blosc2_dparams`; passed by value, so room for members of later versions does no harm."""

    _fields_ = (
        ("threads", ctypes.c_int),
        ("schunk", ctypes.c_void_p),
        ("postfilter", ctypes.c_void_p),
        ("postparams", ctypes.c_void_p),
        ("typesize", ctypes.c_int32),
        ("later", ctypes.c_byte * 64),
    )


def _load() -> ctypes.CDLL | None:
    # Importing blosc2 takes 0.4 s; only its folder is needed.
    package = find_spec("blosc2")
    if package is None or package.origin is None:
        return None
    try:
        library = ctypes.CDLL(str(Path(package.origin).parent / "lib" / "libblosc2.so"))
        address = ctypes.cast(library.blosc2_decompress_ctx, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return None
    library.blosc2_create_dctx.argtypes = [_Parameters]
    library.blosc2_create_dctx.restype = ctypes.c_void_p
    library.blosc2_free_ctx.argtypes = [ctypes.c_void_p]
    library.blosc2_init()
    binding.add_symbol(_SYMBOL, address)
    return library


_LIBRARY = _load()
AVAILABLE = _LIBRARY is not None
"""Whether the C decompressor was found; without it nothing here can be called."""
decompress: Any = types.ExternalFunction(
    _SYMBOL, types.int32(types.intp, types.intp, types.int32, types.intp, types.int32)
)
"""(context, frame, its bytes, destination, its bytes) → bytes written, or a negative number."""


class Decompressor:
    """A context of c-blosc2, which one thread at a time may use."""

    def __init__(self) -> None:
        assert _LIBRARY is not None
        self.address: int = _LIBRARY.blosc2_create_dctx(_Parameters(threads=1, typesize=8))
        self._free = weakref.finalize(self, _LIBRARY.blosc2_free_ctx, self.address)
