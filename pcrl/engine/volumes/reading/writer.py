"""Writing a volume as the scan lies that it belongs to: the same voxels, spacing, origin and axes."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.dicom.stacks import Stack
from pcrl.datasets.names import is_plain
from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.reader import open_image
from pcrl.files import new_file

_PROBE = 1 << 20
"""Bytes that are written to find out why others could not be."""


def write_like(values: NDArray[Any], source: Path, out: Path, stack: Stack | None = None) -> None:
    """Write label values as NIfTI, in the grid and the orientation of a scan.

    Args:
        values: (z, y, x) in LPS, as `pcrl.engine.volumes.reading.reader.read` gives the scan.
        source: the scan: a file, or the folder of a DICOM series.
        stack: the DICOM slices that were read; a tilted one has the straight grid that it was resampled to.
        out: ends in `.nii` or `.nii.gz`.

    Raises:
        ReadError: the scan cannot be read, or is of another size.
    """
    import SimpleITK as sitk

    reference = open_image(source, stack)
    oriented = sitk.DICOMOrient(reference, "LPS")
    if oriented.GetSize() != values.shape[::-1]:
        raise ReadError(
            f"{source}: its size {oriented.GetSize()} is not that of what belongs to it {values.shape[::-1]}"
        )
    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    image.CopyInformation(oriented)
    code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(reference.GetDirection())
    image = sitk.DICOMOrient(image, code)
    # To the last digit: turning back and forth rounds.
    image.CopyInformation(reference)
    out.parent.mkdir(parents=True, exist_ok=True)
    suffix = ".nii.gz" if out.name.endswith(".gz") else ".nii"
    with new_file(out) as partial, _plain_place(partial) as place:
        written = place / f"{partial.name}{suffix}"
        sitk.WriteImage(image, str(written), useCompression=suffix == ".nii.gz")
        _require_written(image, written, out)
        shutil.move(written, partial)


def _require_written(image: Any, path: Path, out: Path) -> None:
    """Read back what was written: ITK's writers end well on a full disk, whatever there is then of the file.

    Raises:
        OSError: it is not what was to be written.
    """
    import SimpleITK as sitk

    try:
        there = sitk.ReadImage(str(path))
        same = there.GetSize() == image.GetSize() and sitk.Hash(there) == sitk.Hash(image)
    except RuntimeError:
        same = False
    if not same:
        path.unlink(missing_ok=True)
        try:
            # Says why, as ITK does not.
            with path.open("wb") as file:
                file.write(bytes(_PROBE))
                os.fsync(file.fileno())
            number = errno.EIO
        except OSError as error:
            number = error.errno or errno.EIO
        path.unlink(missing_ok=True)
        raise OSError(number, "it could not be written whole", str(out))


@contextmanager
def _plain_place(path: Path) -> Iterator[Path]:
    """The folder of a file, or, if its name is no text to libraries in C++, one of another name for a while."""
    if is_plain(str(path.parent)):
        yield path.parent
        return
    with tempfile.TemporaryDirectory(prefix="pcrl-") as made:
        yield Path(made)
