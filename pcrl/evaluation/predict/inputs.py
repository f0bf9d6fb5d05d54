"""What `pcrl predict` is given: scans and radiographs, in files and folders, as cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError
from pcrl.datasets.dicom.header import is_dicom
from pcrl.datasets.dicom.reading import headers_of
from pcrl.datasets.dicom.stacks import stacks_of
from pcrl.datasets.dicom.tree import SUFFIXES as DICOM_SUFFIXES
from pcrl.datasets.layouts import folder
from pcrl.datasets.layouts.images.folder import SUFFIXES as IMAGE_SUFFIXES
from pcrl.datasets.names import printable, safe_name
from pcrl.datasets.tree import cannot_be_read, walk
from pcrl.evaluation.predict.names import Named, named_apart, named_by_file
from pcrl.evaluation.records.errors import ProtocolError

_LAYOUTS = "pcrl.datasets.layouts.volumes"


@dataclass(slots=True)
class Found:
    """What was found in the inputs.

    Args:
        notes: what was passed over, and which file goes by another name.
        failed: why files, folders and cases cannot be predicted.
    """

    notes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def each(self, inputs: Iterable[Path], look: Callable[[Path], None]) -> None:
        """Look into inputs one after the other: what is wrong with one is its own failure."""
        for path in inputs:
            try:
                if not path.exists():
                    raise ProtocolError(f"{path}: no such file or folder")
                look(path)
            except (LayoutError, ProtocolError) as error:
                self.failed.append(str(error))
            except OSError as error:
                self.failed.append(f"{error.filename or path}: cannot be read: {error.strerror}")


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
        The cases, each of a name of its own; what was skipped; and why inputs cannot be predicted.

    Raises:
        ProtocolError: none of the inputs can be predicted; says why.
    """
    listed = list(inputs)
    cases: list[Named] = []
    found = Found()

    def look(path: Path) -> None:
        if layout is not None or path.is_dir():
            tree = _in_folder(path, layout)
            cases.extend(Named(case, path.resolve().name) for case in tree.cases)
            found.notes += tree.notes
            found.failed += [one.reason for one in tree.unreadable]
        elif is_dicom(path):
            cases.extend(Named(case, path.absolute().parent.name) for case in _stacks(path))
        else:
            name = _stem(path)
            cases.append(Named(Case(name, name, (path,)), path.absolute().parent.name))

    found.each(listed, look)
    if channels != 1 and layout is None:
        cases = _joined(cases, channels, found)
    if by_file:
        named, notes, failed = named_by_file(cases, _stem)
        found.failed += failed
    else:
        named, notes = named_apart(cases)
    if not named and found.failed:
        more = (
            f" (and {len(found.failed) - 1} more that cannot be predicted)" if len(found.failed) > 1 else ""
        )
        raise ProtocolError(printable(found.failed[0] + more))
    return (
        named,
        [printable(note) for note in [*found.notes, *notes]],
        [printable(one) for one in found.failed],
    )


def _in_folder(path: Path, layout: str | None) -> Dataset:
    """The cases of a folder; raises `LayoutError` where there are none."""
    if layout is not None:
        published: Dataset = import_module(f"{_LAYOUTS}.{layout}").find(path)
        return published
    tree = folder.find(path, "volumes")
    assert isinstance(tree, Dataset)
    return tree


def _stacks(path: Path) -> list[Case]:
    """The cases of one DICOM file: a multi-frame file is one, or one for each of its stacks."""
    ((_, header),) = headers_of([path])
    if isinstance(header, str):
        raise ProtocolError(header)
    if len(header.frames) == 1:
        raise ProtocolError(f"{path} is one slice: give the folder of its series")
    if not header.frames:
        raise ProtocolError(f"{path} is no volume: {header.left_out or f'a radiograph ({header.modality})'}")
    found = stacks_of([header])
    if not found.found:
        raise ProtocolError(f"{path} holds no volume: {', '.join(found.left_out)}")
    stem = safe_name(_stem(path.with_suffix("") if path.suffix.lower() in DICOM_SUFFIXES else path))
    names = ["-".join(filter(None, (stem, stack.part))) for stack in found.found]
    return [Case(name, name, (path,), stack=stack) for name, stack in zip(names, found.found, strict=True)]


def _stem(path: Path) -> str:
    suffix = next((s for s in folder.SUFFIXES if path.name.lower().endswith(s)), "")
    return path.name[: len(path.name) - len(suffix)]


def _joined(cases: Iterable[Named], channels: int, found: Found) -> list[Named]:
    """Files CASE_0000, CASE_0001, … (nnU-Net's names) of one place as the channels of one case."""
    parts: dict[tuple[str, str], dict[str, Path]] = {}
    for each in cases:
        name, _, number = each.case.name.rpartition("_")
        parts.setdefault((each.place, name), {})[number] = each.case.channels[0]
    numbers = [f"{number:04}" for number in range(channels)]
    joined = []
    for (place, name), files in parts.items():
        if sorted(files) == numbers:
            joined.append(Named(Case(name, name, tuple(files[number] for number in numbers)), place))
            continue
        first = next(iter(files.values()))
        found.failed.append(
            f"{first}: the network takes {channels} channels, in files such as CASE_0000.nii.gz to "
            f"CASE_{numbers[-1]}.nii.gz; of {name or first.name} there are {', '.join(sorted(files))}"
        )
    return joined


def radiographs(inputs: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The files that are given, and all radiographs in the folders; and why inputs cannot be predicted.

    Raises:
        ProtocolError: none of the inputs can be predicted; says why.
    """
    files: list[Path] = []
    found = Found()

    def look(path: Path) -> None:
        if not path.is_dir():
            files.append(path)
            return
        closed: list[OSError] = []
        listed = [parent / name for parent, names in walk(path, closed) for name in names]
        dicom = [file for file in listed if not _is_drawn(file) and _may_be_dicom(file)]
        # Of which it cannot be told, whoever reads it says why.
        taken = {
            file for file, header in headers_of(dicom) if isinstance(header, str) or header.is_radiograph
        }
        pictures = [file for file in listed if _is_drawn(file) or file in taken]
        found.failed += [one.reason for one in cannot_be_read(closed, path)]
        if not pictures:
            raise ProtocolError(f"{path} holds no radiographs: expected PNG, JPEG or DICOM files")
        files.extend(pictures)

    found.each(inputs, look)
    if not files and found.failed:
        raise ProtocolError(printable(found.failed[0]))
    return list(dict.fromkeys(files)), [printable(one) for one in found.failed]


def _is_drawn(path: Path) -> bool:
    """Whether a file is called like a PNG or JPEG."""
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def _may_be_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does, or cannot be looked into."""
    try:
        return is_dicom(path)
    except OSError:
        return True
