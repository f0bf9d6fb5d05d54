"""What `pcrl predict` is given: scans and radiographs, in files and folders, as cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from pcrl.datasets.case import Case, Dataset
from pcrl.datasets.dicom.header import DicomError, is_dicom, read_header
from pcrl.datasets.dicom.stacks import stacks_of
from pcrl.datasets.dicom.tree import SUFFIXES as DICOM_SUFFIXES
from pcrl.datasets.layouts import folder
from pcrl.datasets.layouts.images.folder import SUFFIXES as IMAGE_SUFFIXES
from pcrl.datasets.names import safe_name
from pcrl.datasets.tree import walk
from pcrl.evaluation.records.errors import ProtocolError

_LAYOUTS = "pcrl.datasets.layouts.volumes"


def volumes(
    inputs: Iterable[Path], layout: str | None, channels: int, *, by_file: bool = False
) -> tuple[list[Case], list[str], list[str]]:
    """The scans in files, DICOM series and folders of them.

    Args:
        layout: published layout of the folders, a module of `pcrl.datasets.layouts.volumes` that brings the channels
            of a case together; none: any files.
        channels: that the network takes.
        by_file: a case is named by its file or by the folder of its series, as tables of candidates do; else by its
            path below the folder that was given.

    Returns:
        The cases, what was skipped, and why files and folders could not be looked into.

    Raises:
        LayoutError: a folder without scans.
        ProtocolError: a file that is missing, two of one name, or cases of another number of channels than the network
            takes.
    """
    cases: list[Case] = []
    notes: list[str] = []
    failed: list[str] = []
    for path in inputs:
        _require(path)
        if layout is not None:
            published: Dataset = import_module(f"{_LAYOUTS}.{layout}").find(path)
            cases += published.cases
            notes += published.notes
            failed += [one.reason for one in published.unreadable]
        elif path.is_dir():
            tree = folder.find(path, "volumes")
            assert isinstance(tree, Dataset)
            cases += tree.cases
            notes += tree.notes
            failed += [one.reason for one in tree.unreadable]
        elif is_dicom(path):
            cases += _stacks(path)
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
    return cases, notes, failed


def _stacks(path: Path) -> list[Case]:
    """The cases of one DICOM file: a multi-frame file is one, or one for each of its stacks."""
    try:
        header = read_header(path)
    except DicomError as error:
        raise ProtocolError(str(error)) from error
    if len(header.frames) == 1:
        raise ProtocolError(f"{path} is one slice: give the folder of its series")
    if not header.frames:
        raise ProtocolError(f"{path} is no volume: {header.left_out or f'a radiograph ({header.modality})'}")
    found = stacks_of([header])
    if not found.found:
        raise ProtocolError(f"{path} holds no volume: {', '.join(found.left_out)}")
    stem = _name(path.with_suffix("") if path.suffix.lower() in DICOM_SUFFIXES else path)
    names = ["-".join(filter(None, (stem, stack.part))) for stack in found.found]
    return [Case(name, name, (path,), stack=stack) for name, stack in zip(names, found.found, strict=True)]


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
            if name.lower().endswith(IMAGE_SUFFIXES) or _is_radiograph(parent / name)
        ]
        if not pictures:
            raise ProtocolError(f"{path} holds no radiographs: expected PNG, JPEG or DICOM files")
        files += pictures
    return files


def _is_radiograph(path: Path) -> bool:
    """Whether a file is a DICOM radiograph, or a DICOM file of which that cannot be told; whoever reads it says why."""
    try:
        return is_dicom(path) and read_header(path).is_radiograph
    except (DicomError, OSError):
        return True


def _require(path: Path) -> None:
    if not path.exists():
        raise ProtocolError(f"{path}: no such file or folder")
