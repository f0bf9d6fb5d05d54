"""Plain arrays beside the chunks, as `np.save` writes them, read by any number of threads at a time.

`np.load` parses their header as a Python literal, and `ast` of CPython 3.11 and 3.12 may fail where several threads do
that at once ("AST constructor recursion depth mismatch", gh-106905). This reads the one form of header that pcrl
writes.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY\x01\x00"
_START = len(_MAGIC) + 2
_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>\|u1|<f4)', 'fortran_order': False, 'shape': \((?P<shape>(?:\d{1,9}, ?)*\d{0,9})\), \} *\n"
)


def read_plain(path: Path) -> NDArray[Any]:
    """An array of uint8 or float32 that `np.save` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none, or is longer or shorter than its header says.
    """
    content = path.read_bytes()
    end = _START + int.from_bytes(content[len(_MAGIC) : _START], "little")
    header = _HEADER.fullmatch(content, _START, min(end, len(content)))
    if not content.startswith(_MAGIC) or header is None:
        raise ValueError("no header of an array of uint8 or float32")
    shape = tuple(int(number) for number in header["shape"].replace(b",", b" ").split())
    dtype = np.dtype(header["dtype"].decode("ascii"))
    if (size := math.prod(shape) * dtype.itemsize) != len(content) - end:
        raise ValueError(f"{len(content) - end} bytes behind its header, and {size} are expected")
    return np.frombuffer(content, dtype, offset=end).reshape(shape)
