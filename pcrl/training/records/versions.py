"""What a result depends on beside its data and settings: versions of packages, and the commit of pcrl itself."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import pcrl

PACKAGES = (
    "pcrl", "torch", "monai", "numpy", "scipy", "SimpleITK", "numba", "zarr", "numcodecs", "scikit-image",
)  # fmt: skip
_HERE = Path(pcrl.__file__).parent
_PATIENCE = 10
"""Seconds: on a slow file system a record without a commit is better than one that is waited for."""


def versions() -> dict[str, str]:
    """Versions of packages and of Python; the commit, where pcrl runs from a git tree."""
    found = {name: _version(name) for name in PACKAGES} | {"python": platform.python_version()}
    commit = commit_of(_HERE)
    return found | {"commit": commit} if commit else found


def commit_of(package: Path) -> str | None:
    """The commit that a package's folder is checked out from; `and changes` where files of it differ from it.

    None where git does not know the package: an installed one is in no tree, whatever tree lies around it.
    """
    if not _git(package, "ls-files", "--", "__init__.py"):
        return None
    commit = _git(package, "rev-parse", "HEAD")
    if not commit:
        return None
    changes = _git(package, "status", "--porcelain", "--", ".")
    return f"{commit} and changes" if changes or changes is None else commit


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says; none where there is no git, or it fails."""
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
