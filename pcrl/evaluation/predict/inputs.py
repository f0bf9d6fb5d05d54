"""What `pcrl predict` is given: scans and radiographs, in files and folders, as cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError
from pcrl.datasets.layouts import folder
from pcrl.datasets.layouts.images.folder import SUFFIXES as IMAGE_SUFFIXES
from pcrl.datasets.layouts.images.folder import is_dicom
from pcrl.datasets.names import safe_name
from pcrl.datasets.tree import walk
from pcrl.evaluation.records.errors import ProtocolError

_LAYOUTS = "pcrl.datasets.layouts.volumes"


def volumes(
    inputs: Iterable[Path], layout: str | None, channels: int, *, by_file: bool = False
) -> tuple[list[Case], list[str]]:
    """The scans in files, DICOM series and folders of them.

    Args:
        layout: published layout of the folders, a module of `pcrl.datasets.layouts.volumes` that brings the channels
            of a case together; none: any files.
        channels: that the network takes.
        by_file: a case is named by its file or by the folder of its series, as tables of candidates do; else by its
            path below the folder that was given.

    Returns:
        The cases, and what was skipped.

    Raises:
        LayoutError: a folder without scans.
        ProtocolError: a file that is missing, two of one name, or cases of another number of channels than the network
            takes.
    """
    cases: list[Case] = []
    notes: list[str] = []
    for path in inputs:
        _require(path)
        if layout is not None:
            published: Dataset = import_module(f"{_LAYOUTS}.{layout}").find(path)
            cases += published.cases
            notes += published.notes
        elif path.is_dir():
            tree = folder.find(path)
            if not isinstance(tree, Dataset):
                raise LayoutError(f"{path} holds radiographs, the network takes volumes")
            cases += tree.cases
            notes += tree.notes
        elif is_dicom(path) and _slices(path) == 1:
            raise ProtocolError(f"{path} is one slice: give the folder of its series")
        else:
            name = _name(path)
            cases.append(Case(name, name, (path,)))
    if by_file:
        cases = [replace(case, name=_name(case.channels[0])) for case in cases]
    if channels != 1 and layout is None:
        cases = _joined(cases, channels)
    names = [case.name for case in cases]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ProtocolError(f"two inputs are called {doubled[0]}: their results would overwrite each other")
    return cases, notes


def _slices(path: Path) -> int:
    import SimpleITK as sitk

    file = sitk.ImageFileReader()
    file.SetFileName(str(path))
    file.ReadImageInformation()
    return int(file.GetSize()[2]) if file.GetDimension() > 2 else 1


def _name(path: Path) -> str:
    suffix = next((s for s in folder.SUFFIXES if path.name.lower().endswith(s)), "")
    return safe_name(path.name.removesuffix(suffix))


def _joined(cases: Iterable[Case], channels: int) -> list[Case]:
    """Files CASE_0000, CASE_0001, … (nnU-Net's names) as the channels of one case."""
    parts: dict[str, dict[str, Path]] = {}
    for case in cases:
        name, _, number = case.name.rpartition("_")
        parts.setdefault(name, {})[number] = case.channels[0]
    numbers = [f"{number:04}" for number in range(channels)]
    joined = []
    for name, files in parts.items():
        if sorted(files) != numbers:
            first = next(iter(files.values()))
            raise ProtocolError(
                f"{first}: the network takes {channels} channels, in files such as CASE_0000.nii.gz to "
                f"CASE_{numbers[-1]}.nii.gz; of {name or first.name} there are {', '.join(sorted(files))}"
            )
        joined.append(Case(name, name, tuple(files[number] for number in numbers)))
    return joined


def radiographs(inputs: Iterable[Path]) -> list[Path]:
    """The files that are given, and all radiographs in the folders.

    Raises:
        ProtocolError: a file that is missing, or a folder without radiographs.
    """
    files: list[Path] = []
    for path in inputs:
        _require(path)
        if not path.is_dir():
            files.append(path)
            continue
        pictures = [
            parent / name
            for parent, names in walk(path)
            for name in names
            if name.lower().endswith(IMAGE_SUFFIXES) or is_dicom(parent / name)
        ]
        if not pictures:
            raise ProtocolError(f"{path} holds no radiographs: expected PNG, JPEG or DICOM files")
        files += pictures
    return files


def _require(path: Path) -> None:
    if not path.exists():
        raise ProtocolError(f"{path}: no such file or folder")
