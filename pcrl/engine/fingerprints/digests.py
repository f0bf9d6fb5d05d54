"""Digests that do not depend on what a file is called, or of which format it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest_of_contents(digests: Sequence[bytes]) -> str:
    """From the digests of a scan's files to one that does not depend on their names and order; a single one stays."""
    if len(digests) == 1:
        return digests[0].hex()
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def digest_of_values(values: NDArray[Any]) -> str:
    """SHA-256 of shape and values, whatever their type: integers, and the same ones as float32, have one digest.

    Args:
        values: in an orientation that does not depend on the file.
    """
    digest = hashlib.sha256(repr(values.shape).encode())
    for plane in values if values.ndim > 2 else (values,):
        # Zero has two signs.
        digest.update((np.ascontiguousarray(plane, np.dtype("<f4")) + np.float32(0)).data)
    return digest.hexdigest()
