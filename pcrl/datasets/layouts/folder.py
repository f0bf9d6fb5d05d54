"""Any tree of volumes (NIfTI, MetaImage, NRRD, DICOM series), or of radiographs; masks are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pcrl.datasets.case import Case, Dataset, LayoutError, Unreadable
from pcrl.datasets.dicom.naming import cases_of, several_notes, with_people
from pcrl.datasets.dicom.secret import secret
from pcrl.datasets.dicom.tree import DicomTree
from pcrl.datasets.image import ImageDataset
from pcrl.datasets.layouts.images import folder as image_folder
from pcrl.datasets.layouts.masks import Told, told_apart
from pcrl.datasets.names import safe_name, with_safe_names
from pcrl.datasets.patients import FILE, with_patients
from pcrl.datasets.tree import cannot_be_read, check_folder, walk, wrong
from pcrl.listing import counted, few

EXPECTED = """\
  anything.nii, anything.nii.gz, .mha, .mhd (with its .raw), .nrrd, .nhdr (with its data), at any depth
  DICOM files of CT, MR or PET                             (a case for each series, at any depth)
  SCAN_seg.nii.gz beside SCAN.nii.gz                       (optional: its label)
or radiographs:
  anything.png, .jpg, .jpeg, and DICOM files of modality CR, DX, DR, RG, RF or PX, at any depth
  patients.csv                                             (optional: case,patient)"""
SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
Kind = Literal["volumes", "radiographs"]


def find(source: Path, kind: Kind | None = None) -> Dataset | ImageDataset:
    """All volumes or all radiographs below `source`, named by their paths; the data set is named by the folder.

    Args:
        kind: which to take where both are there; none: there must be one of them only.

    Raises:
        LayoutError: nothing there that can be read, both kinds in one tree and none chosen, or two volumes that give
            one case name.
    """
    check_folder(source, "folder", EXPECTED)
    volumes: list[Path] = []
    pictures: list[Path] = []
    dicom, closed = DicomTree(source), list[OSError]()
    beside = []
    for folder, names in walk(source, closed):
        found = [name for name in names if name.lower().endswith(SUFFIXES)]
        drawn = [name for name in names if name.lower().endswith(image_folder.SUFFIXES)]
        volumes += [folder / name for name in found]
        pictures += [folder / name for name in drawn]
        other = [name for name in names if not name.lower().endswith((*SUFFIXES, *image_folder.SUFFIXES))]
        if dicom.look(folder, other) and found:
            # They may be the same scan, which would then be two patients.
            beside.append(f"{folder} ({counted(len(dicom.slices.pop(folder)), 'slice')} beside {found[0]})")
    stacks, notes = dicom.stacks()
    told = told_apart(source, volumes, SUFFIXES)
    cases = with_safe_names([*_cases(source, told), *cases_of(stacks, source)])
    images = [*pictures, *(header.file for header in dicom.radiographs)]
    notes += [*told.notes, *several_notes(stacks), *_beside(beside), *dicom.left_out_notes()]
    unreadable = (*cannot_be_read(closed, source), *dicom.unreadable)
    if cases and images:
        cases, images, passed_over = _one_kind(source, cases, images, kind)
        notes.append(passed_over)
    if images and kind != "volumes":
        taken = image_folder.dataset(source, images, dicom.radiographs)
        return replace(taken, notes=(*notes, *taken.notes), unreadable=unreadable)
    if not cases or kind == "radiographs":
        raise _nothing(source, kind, [*notes, *(one.reason for one in unreadable)])
    if stacks:
        return _with_people(source, cases, notes, unreadable)
    return replace(_volumes(source, cases), unreadable=unreadable, notes=tuple(notes))


def _one_kind(
    source: Path, cases: list[Case], images: list[Path], kind: Kind | None
) -> tuple[list[Case], list[Path], str]:
    """Volumes or radiographs as chosen, and a note on what was passed over."""
    if kind is None:
        raise LayoutError(
            f"{source} holds {counted(len(cases), 'volume')}, such as {cases[0].channels[0]}, and "
            f"{counted(len(images), 'radiograph')}, such as {images[0]}: a data set holds one kind. Take one with "
            "--kind volumes or --kind radiographs; the other may follow under another --dataset"
        )
    if kind == "volumes":
        passed = (
            f"{counted(len(images), 'radiograph')} passed over, as --kind volumes says, such as {images[0]}"
        )
        return cases, [], passed
    passed = f"{counted(len(cases), 'volume')} passed over, as --kind radiographs says, such as {cases[0].channels[0]}"
    return [], images, passed


def _volumes(source: Path, cases: Iterable[Case]) -> Dataset:
    name = safe_name(source.resolve().name).lower()
    return Dataset(name, source, with_patients(cases, source))


def _with_people(
    source: Path, cases: Sequence[Case], notes: Sequence[str], unreadable: tuple[Unreadable, ...]
) -> Dataset:
    """The volumes of a tree with DICOM in it, whose headers name patients; `patients.csv` goes before them."""
    key = secret()
    named, problems = with_people(cases, key)
    found = _volumes(source, named)
    known = {case.name for case in named if case.stack is None or case.patient.startswith("p-")}
    listed = {case.name: case.patient for case in named}
    unknown = [c.name for c in found.cases if c.name not in known and c.patient == listed[c.name]]
    told = [key.note] if key.note else []
    if unknown:
        told.append(
            f"{counted(len(unknown), 'case')} of unknown patients ({'; '.join(problems)}), such as {few(unknown)}: "
            f"each counts as a patient of its own, unless said otherwise. If some are of one person, say so in {FILE} "
            "(case,patient)"
        )
    return replace(found, notes=(*notes, *told), unreadable=unreadable, secret=key.digest)


def _beside(folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    number = counted(len(folders), "folder")
    return [
        f"{number} with DICOM slices beside another volume, passed over as they may be it: {few(folders)}"
    ]


def _nothing(source: Path, kind: Kind | None, reasons: Sequence[str]) -> LayoutError:
    error = wrong(source, "folder", EXPECTED)
    chosen = f"No {kind} there, as --kind asks for. " if kind else ""
    return LayoutError(f"{chosen}{error}" + (f" {'; '.join(reasons)}" if reasons else ""))


def _cases(source: Path, told: Told) -> Iterable[Case]:
    for path in told.scans:
        stem = str(path.relative_to(source))
        suffix = next(s for s in SUFFIXES if stem.lower().endswith(s))
        name = stem[: len(stem) - len(suffix)]
        yield Case(name, name, (path,), told.labels.get(path))
