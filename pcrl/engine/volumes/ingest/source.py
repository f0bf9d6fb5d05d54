"""Source files: whether one has changed since it was read, and how much it will become."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pcrl.config import Spacing
from pcrl.datasets.plain import plain_path
from pcrl.engine.cache.volumes.records import SourceFile


def fingerprint(path: Path) -> tuple[int, int, str]:
    """Size in bytes, time of modification in ns, and SHA-256 of a file, or of a folder's files together.

    A MetaImage header stands for its pixel file too.
    """
    size, modified, digest = 0, 0, hashlib.sha256()
    for file in _files(path):
        status = file.stat()
        size += status.st_size
        modified = max(modified, status.st_mtime_ns)
        digest.update(f"{file.name}\n".encode("utf-8", "surrogateescape"))
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return size, modified, digest.hexdigest()


def same_file(path: Path, stored: SourceFile) -> bool:
    """Whether a source is the one that was read: by size and time, and by content if the time differs."""
    files = _files(path)
    if not files or not all(file.exists() for file in files):
        return False
    if sum(file.stat().st_size for file in files) != stored.size:
        return False
    if max(file.stat().st_mtime_ns for file in files) == stored.modified:
        return True
    return fingerprint(path)[2] == stored.sha256


def voxels_after(channels: tuple[Path, ...], spacing: Spacing) -> int:
    """Voxels that a case will have in the cache; an estimate from file sizes where no header says. 0 if unreadable."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    total = 0
    for path in channels:
        if path.is_dir():
            total += sum(file.stat().st_size for file in _files(path))
            continue
        reader = sitk.ImageFileReader()
        with plain_path(path) as plain:
            reader.SetFileName(str(plain))
            try:
                reader.ReadImageInformation()
            except RuntimeError:
                continue  # ingest will name it
        volume = 1.0
        for count, step in zip(reader.GetSize()[:3], reader.GetSpacing()[:3], strict=True):
            volume *= count * step
        total += round(volume / (spacing[0] * spacing[1] * spacing[2]))
    return total


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    if path.suffix.lower() == ".mhd" and path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "ElementDataFile" and value.strip() != "LOCAL":
                pixels = path.parent / value.strip()
                return [path, pixels] if pixels.exists() else [path]
    return [path]
