"""Source files: whether one has changed since it was read, and how much it will become."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from pcrl.config import Spacing
from pcrl.datasets.dicom.header import DicomError
from pcrl.datasets.dicom.placement import axes, positions
from pcrl.datasets.dicom.stacks import Stack
from pcrl.datasets.plain import plain_path
from pcrl.engine.cache.volumes.records import SourceFile
from pcrl.engine.errors import ReadError
from pcrl.engine.fingerprints.digests import digest_of_contents
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.reading.detached import check_voxel_files, voxel_files
from pcrl.engine.volumes.reading.nifti.place import is_nifti, place_of
from pcrl.engine.volumes.reading.plausible import check_grid


def fingerprint(path: Path, stack: Stack | None = None) -> tuple[int, int, str, str]:
    """Size in bytes, time of modification in ns, and SHA-256 of a file, or of a folder's files together.

    Of the last there are two: of names and contents, and of contents alone.

    Of a DICOM stack, of the files that it is made of. A header whose voxels lie in files of their own stands for these,
    too.
    """
    size, modified, digest = 0, 0, hashlib.sha256()
    contents = []
    for file in _files(path, stack):
        status = file.stat()
        size += status.st_size
        modified = max(modified, status.st_mtime_ns)
        digest.update(f"{file.name}\n".encode("utf-8", "surrogateescape"))
        with file.open("rb") as opened:
            contents.append(hashlib.file_digest(opened, "sha256").digest())
        digest.update(contents[-1])
    return size, modified, digest.hexdigest(), digest_of_contents(contents)


def same_file(path: Path, stored: SourceFile, stack: Stack | None = None) -> bool:
    """Whether a source is the one that was read: by size and time, and by content if the time differs."""
    files = _files(path, stack)
    if not files or not all(file.exists() for file in files):
        return False
    if sum(file.stat().st_size for file in files) != stored.size:
        return False
    if max(file.stat().st_mtime_ns for file in files) == stored.modified:
        return True
    return fingerprint(path, stack)[2] == stored.sha256


def voxels_after(channels: tuple[Path, ...], spacing: Spacing, stack: Stack | None = None) -> int:
    """Voxels that a case will have in the cache; an estimate from file sizes where no header says. 0 if unreadable."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    total = 0
    for path in channels:
        if stack is not None:
            total += round(_volume(stack) / (spacing[0] * spacing[1] * spacing[2]))
            continue
        if path.is_dir():
            total += sum(file.stat().st_size for file in _files(path))
            continue
        reader = sitk.ImageFileReader()
        try:
            if is_nifti(path):
                place_of(path)
            check_voxel_files(path)
            with plain_path(path) as plain:
                reader.SetFileName(str(plain))
                reader.ReadImageInformation()
            across = _across(path, reader)
        except (RuntimeError, ReadError):
            continue  # ingest will name it
        total += round(math.prod(across) / math.prod(spacing))
    return total


def _across(path: Path, reader: Any) -> list[float]:
    """Edges of a volume in mm; `ReadError` where no scan is of that size."""
    size, steps = reader.GetSize()[:3], reader.GetSpacing()[:3]
    if len(size) == 3:
        check_grid(path, Grid((size[2], size[1], size[0]), (steps[2], steps[1], steps[0]), (0.0, 0.0, 0.0)))
    return [count * step for count, step in zip(size, steps, strict=True)]


def _volume(stack: Stack) -> float:
    """Cubic millimetres of a stack; 0 if it does not say."""
    first = stack.frames[0]
    try:
        heights = positions(stack.frames)[0] @ axes(stack.frames)[2]
    except DicomError:
        return 0.0  # ingest will name it
    height, width = first.spacing or (0.0, 0.0)
    return float(np.ptp(heights)) * first.shape[0] * height * first.shape[1] * width


def _files(path: Path, stack: Stack | None = None) -> list[Path]:
    if stack is not None:
        return sorted({frame.file for frame in stack.frames})
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    return [path, *(file for file in voxel_files(path) if file.is_file())]
