"""Any tree of volumes (NIfTI, MetaImage, NRRD, DICOM series), or of radiographs; masks are told apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pcrl.datasets.case import Case, Dataset, LayoutError, Unreadable
from pcrl.datasets.dicom.header import Header
from pcrl.datasets.dicom.naming import cases_of, several_notes, with_people
from pcrl.datasets.dicom.secret import secret
from pcrl.datasets.dicom.tree import DicomTree
from pcrl.datasets.image import ImageDataset
from pcrl.datasets.layouts.images import folder as image_folder
from pcrl.datasets.layouts.masks import Told, told_apart
from pcrl.datasets.names import printable, safe_name, with_safe_names
from pcrl.datasets.patients import FILE, with_patients
from pcrl.datasets.tree import cannot_be_read, check_folder, walk, wrong
from pcrl.datasets.unique import names
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


@dataclass(frozen=True, slots=True)
class _Tree:
    """All that a folder holds.

    Args:
        headers: of the DICOM files among `images`.
        has_stacks: some of the cases are DICOM, whose headers name patients.
    """

    source: Path
    cases: list[Case]
    images: list[Path]
    headers: list[Header]
    has_stacks: bool
    notes: list[str]
    unreadable: tuple[Unreadable, ...]

    def volumes(self, notes: Sequence[str]) -> Dataset:
        if self.has_stacks:
            return _with_people(self.source, self.cases, notes, self.unreadable, self._image_names())
        found = _volumes(self.source, self.cases, self._image_names())
        return replace(found, unreadable=self.unreadable, notes=tuple(notes))

    def radiographs(self, notes: Sequence[str]) -> ImageDataset:
        others = {name for case in self.cases for name in (case.name, case.source_name)}
        taken = image_folder.dataset(self.source, self.images, self.headers, others)
        return replace(taken, notes=(*notes, *taken.notes), unreadable=self.unreadable)

    def _image_names(self) -> set[str]:
        return set(names(path.relative_to(self.source).as_posix() for path in self.images).values())


def find(source: Path, kind: Kind | None = None) -> Dataset | ImageDataset:
    """All volumes or all radiographs below `source`, named by their paths; the data set is named by the folder.

    Args:
        kind: which to take where both are there; none: there must be one of them only.

    Raises:
        LayoutError: nothing there that can be read, both kinds in one tree and none chosen, or two volumes that give
            one case name.
    """
    tree = _look(source)
    if kind is None and tree.cases and tree.images:
        raise LayoutError(
            f"{source} holds {counted(len(tree.cases), 'volume')}, such as {_shown(tree.cases[0].channels[0])}, and "
            f"{counted(len(tree.images), 'radiograph')}, such as {_shown(tree.images[0])}: a data set holds one kind. "
            "Take one with --kind volumes or --kind radiographs, or both with --kind both: each becomes a data set "
            "of its own, NAME-volumes and NAME-radiographs"
        )
    if not (tree.images if kind == "radiographs" else tree.cases if kind else tree.cases or tree.images):
        raise _nothing(source, kind, [*tree.notes, *(one.reason for one in tree.unreadable)])
    if kind == "radiographs" or not tree.cases:
        return tree.radiographs(
            [*tree.notes, *_passed_over(kind, "volume", [c.channels[0] for c in tree.cases])]
        )
    return tree.volumes([*tree.notes, *_passed_over(kind, "radiograph", tree.images)])


def find_both(source: Path) -> tuple[Dataset | ImageDataset, ...]:
    """The volumes and the radiographs below `source`, each as a data set; one of them if there are no others.

    What was noted, and what could not be looked into, is told with the first.

    Raises:
        LayoutError: nothing there that can be read, or two volumes that give one case name.
    """
    tree = _look(source)
    found: list[Dataset | ImageDataset] = []
    if tree.cases:
        found.append(tree.volumes(tree.notes))
    if tree.images:
        first = not found
        images = tree.radiographs(tree.notes if first else ())
        found.append(images if first else replace(images, unreadable=()))
    if not found:
        raise _nothing(source, None, [*tree.notes, *(one.reason for one in tree.unreadable)])
    return tuple(found)


def _look(source: Path) -> _Tree:
    """What of a folder is a volume, a label, a radiograph or none of these.

    Raises:
        LayoutError: no folder; two volumes that give one case name.
    """
    check_folder(source, "folder", EXPECTED)
    volumes: list[Path] = []
    pictures: list[Path] = []
    dicom, closed = DicomTree(source), list[OSError]()
    first_volume: dict[Path, str] = {}
    for folder, files in walk(source, closed):
        found = [name for name in files if name.lower().endswith(SUFFIXES)]
        drawn = [name for name in files if name.lower().endswith(image_folder.SUFFIXES)]
        volumes += [folder / name for name in found]
        pictures += [folder / name for name in drawn]
        other = [name for name in files if not name.lower().endswith((*SUFFIXES, *image_folder.SUFFIXES))]
        dicom.look(folder, other)
        if found:
            first_volume[folder] = found[0]
    dicom.read()
    # They may be the same scan, which would then be two patients.
    beside = [
        f"{folder} ({counted(len(dicom.slices.pop(folder)), 'slice')} beside {name})"
        for folder, name in first_volume.items()
        if folder in dicom.slices
    ]
    stacks, notes = dicom.stacks()
    told = told_apart(source, volumes, SUFFIXES)
    return _Tree(
        source,
        with_safe_names([*_cases(source, told), *cases_of(stacks, source)]),
        [*pictures, *(header.file for header in dicom.radiographs)],
        dicom.radiographs,
        bool(stacks),
        [*notes, *told.notes, *several_notes(stacks), *_beside(beside), *dicom.left_out_notes()],
        (*cannot_be_read(closed, source), *dicom.unreadable),
    )


def _passed_over(kind: Kind | None, what: str, paths: Sequence[Path]) -> list[str]:
    """A note on what is of the other kind than the one that was chosen."""
    return (
        [f"{counted(len(paths), what)} passed over, as --kind {kind} says, such as {_shown(paths[0])}"]
        if paths
        else []
    )


def _volumes(source: Path, cases: Iterable[Case], others: Collection[str]) -> Dataset:
    name = safe_name(source.resolve().name).lower()
    return Dataset(name, source, with_patients(cases, source, others))


def _with_people(
    source: Path,
    cases: Sequence[Case],
    notes: Sequence[str],
    unreadable: tuple[Unreadable, ...],
    others: Collection[str],
) -> Dataset:
    """The volumes of a tree with DICOM in it, whose headers name patients; `patients.csv` goes before them."""
    key = secret()
    named, problems = with_people(cases, key)
    found = _volumes(source, named, others)
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


def _shown(path: Path) -> str:
    return printable(str(path))


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
