"""Source files: whether one has changed since it was read, and how much it will become."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from pcrl.config import Spacing
from pcrl.datasets.dicom.header import DicomError, is_dicom
from pcrl.datasets.dicom.placement import axes, positions
from pcrl.datasets.dicom.stacks import Stack
from pcrl.engine.cache.volumes.records import SourceFile
from pcrl.engine.errors import ReadError
from pcrl.engine.fingerprints.digests import digest_of_contents
from pcrl.engine.volumes.reading.announced import announced
from pcrl.engine.volumes.reading.detached import voxel_files
from pcrl.engine.volumes.reading.plausible import check_edges
from pcrl.regular import why_not_regular


def fingerprint(path: Path, stack: Stack | None = None) -> tuple[int, int, str, str]:
    """Size in bytes, time of modification in ns, and SHA-256 of a file, or of a folder's files together.

    Of the last there are two: of names and contents, and of contents alone.

    Of a DICOM stack, of the files that it is made of. A header whose voxels lie in files of their own stands for these,
    too.

    Raises:
        ReadError: one of them is no regular file.
        OSError: one cannot be read.
    """
    size, modified, digest = 0, 0, hashlib.sha256()
    contents = []
    for file in _files(path, stack):
        if reason := why_not_regular(file):
            raise ReadError(f"{file}: {reason}")
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


def voxels_after(channels: tuple[Path, ...], spacing: Spacing, stack: Stack | None = None) -> tuple[int, int]:
    """Voxels that a case will have in the cache, and bytes of its largest channel in memory.

    An estimate from file sizes where no header says; 0 of a stack of slices that are nowhere.

    Raises:
        ReadError: a header that cannot be read, or announces what cannot be.
        OSError: a file that cannot be read.
    """
    total, largest = 0, 0
    for path in channels:
        if stack is not None:
            total += round(_volume(stack) / math.prod(spacing))
            # Two bytes a pixel: of what is stored, and once more of the volume.
            largest = max(largest, 2 * len(stack.frames) * math.prod(stack.frames[0].shape))
        elif path.is_dir():
            total += sum(file.stat().st_size for file in _files(path))
        elif is_dicom(path):
            total += path.stat().st_size
        else:
            said = announced(path)
            total += round(math.prod(said.across) / math.prod(spacing))
            largest = max(largest, said.bytes)
    return total, largest


def _volume(stack: Stack) -> float:
    """Cubic millimetres of a stack; 0 if it does not say.

    Raises:
        ReadError: it says more than can be.
    """
    first = stack.frames[0]
    try:
        heights = positions(stack.frames)[0] @ axes(stack.frames)[2]
    except DicomError:
        return 0.0  # ingest will name it
    height, width = first.spacing or (0.0, 0.0)
    edges = (float(np.ptp(heights)), first.shape[0] * height, first.shape[1] * width)
    check_edges(first.file.parent, edges)
    return math.prod(edges)


def _files(path: Path, stack: Stack | None = None) -> list[Path]:
    if stack is not None:
        return sorted({frame.file for frame in stack.frames})
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    return [path, *(file for file in voxel_files(path) if file.is_file())]
