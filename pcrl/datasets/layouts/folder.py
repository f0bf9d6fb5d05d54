"""Any tree of volumes (NIfTI, MetaImage, NRRD, folders of DICOM series), or of radiographs; masks are told apart."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError
from pcrl.datasets.image import ImageDataset
from pcrl.datasets.layouts.images import folder as image_folder
from pcrl.datasets.layouts.images.folder import is_dicom, is_radiograph
from pcrl.datasets.layouts.masks import Told, told_apart
from pcrl.datasets.names import safe_name, with_safe_names
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import check_folder, walk, wrong

EXPECTED = """\
  anything.nii, anything.nii.gz, .mha, .mhd (with its .raw), .nrrd, at any depth
  a folder of DICOM files                                  (one series, at any depth)
  SCAN_seg.nii.gz beside SCAN.nii.gz                       (optional: its label)
or radiographs:
  anything.png, .jpg, .jpeg, and DICOM files of modality CR, DX, DR, RG, RF or PX, at any depth
  patients.csv                                             (optional: case,patient)"""
SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")


def find(source: Path) -> Dataset | ImageDataset:
    """All volumes or all radiographs below `source`, named by their paths; the data set is named by the folder.

    Raises:
        LayoutError: nothing there that can be read, both kinds in one tree, or two volumes that give one case name.
    """
    check_folder(source, "folder", EXPECTED)
    volumes: list[Path] = []
    images: list[Path] = []
    for folder, names in walk(source):
        found = [folder / name for name in names if name.lower().endswith(SUFFIXES)]
        volumes += found
        images += [folder / name for name in names if name.lower().endswith(image_folder.SUFFIXES)]
        first = None if found else next((folder / n for n in names[:3] if is_dicom(folder / n)), None)
        if first and is_radiograph(first):
            images += [folder / name for name in names if _is_one_of_them(folder / name)]
        elif first:
            volumes.append(folder)
    if volumes and images:
        raise LayoutError(
            f"{source} holds {len(volumes)} volumes, such as {volumes[0]}, and {len(images)} radiographs, such as "
            f"{images[0]}: give a folder with one kind only"
        )
    if images:
        return image_folder.dataset(source, images)
    if not volumes:
        raise wrong(source, "folder", EXPECTED)
    told = told_apart(source, volumes, SUFFIXES)
    if not told.scans:
        raise LayoutError("\n".join([str(wrong(source, "folder", EXPECTED)), *told.notes]))
    name = safe_name(source.resolve().name).lower()
    cases = _cases(source, told)
    return Dataset(name, source, with_patients(with_safe_names(cases), source), notes=told.notes)


def _is_one_of_them(path: Path) -> bool:
    """Whether a file in a folder whose first DICOM file is a radiograph is one too."""
    name = path.name.lower()
    return name.endswith(image_folder.DICOM_SUFFIXES) or (
        not name.endswith(image_folder.SUFFIXES) and is_dicom(path)
    )


def _cases(source: Path, told: Told) -> Iterable[Case]:
    cases: dict[str, Case] = {}
    for path in told.scans:
        stem = str(path.relative_to(source))
        suffix = next((s for s in SUFFIXES if stem.lower().endswith(s) and not path.is_dir()), "")
        name = source.resolve().name if path == source else stem[: len(stem) - len(suffix)]
        if name in cases:
            raise LayoutError(f"{cases[name].channels[0]} and {path} would both be case {name}: rename one")
        cases[name] = Case(name, name, (path,), told.labels.get(path))
    return cases.values()
