"""A NIfTI whose header holds no usable place, for a reader that only wants its voxels."""

from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pcrl.engine.volumes.reading.nifti.affines import stated_forms
from pcrl.engine.volumes.reading.nifti.header import read_header

_SIZES, _CODES = ("3f", 80), ("2h", 252)
"""Type and first byte of the sizes of a voxel, and of the codes of both forms, in NIfTI-1."""
_HEADER = 348


@contextmanager
def placeless(path: Path) -> Iterator[Path]:
    """The file, or, if its place is not finite or singular, a copy that states none, for the length of the block.

    ITK takes such a matrix apart and prints what it meets there in C++, whether anybody asks for the place or not.
    """
    header = read_header(path)
    forms = stated_forms(header).values()
    sizes = np.asarray(header.pixdim)
    usable = all(np.isfinite(form).all() and abs(np.linalg.det(form[:, :3])) > 0 for form in forms)
    if header.version != 1 or (usable and np.isfinite(sizes).all() and (sizes > 0).all()):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="pcrl-") as made:
        copy = Path(made) / "scan.nii"
        with (
            (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file,
            copy.open("wb") as to,
        ):
            head = bytearray(file.read(_HEADER))
            order = "<" if struct.unpack_from("<i", head)[0] == _HEADER else ">"
            struct.pack_into(order + _SIZES[0], head, _SIZES[1], 1, 1, 1)
            struct.pack_into(order + _CODES[0], head, _CODES[1], 0, 0)
            to.write(head)
            shutil.copyfileobj(file, to)
        yield copy
