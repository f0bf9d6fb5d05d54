"""Any tree of volumes: NIfTI, MetaImage, NRRD, and folders of DICOM series. No labels."""

from __future__ import annotations

from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import check_folder, safe_name, walk, wrong

EXPECTED = """\
  anything.nii, anything.nii.gz, .mha, .mhd (with its .raw), .nrrd, at any depth
  a folder of DICOM files                                  (one series, at any depth)
  patients.csv                                             (optional: case,patient)"""
SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")


def find(source: Path) -> Dataset:
    """All volumes below `source`; a case is named by its path, and the data set by the folder.

    Raises:
        LayoutError: nothing there that can be read as a volume, or two files that give one case name.
    """
    check_folder(source, "folder", EXPECTED)
    cases: dict[str, Case] = {}

    def add(path: Path, stem: str) -> None:
        name = safe_name(stem)
        if name in cases:
            raise LayoutError(f"{cases[name].images[0]} and {path} would both be case {name}: rename one")
        cases[name] = Case(name, name, (path,))

    for folder, names in walk(source):
        volumes = [name for name in names if name.lower().endswith(SUFFIXES)]
        for name in volumes:
            suffix = next(s for s in SUFFIXES if name.lower().endswith(s))
            relative = str((folder / name).relative_to(source))
            add(folder / name, relative[: -len(suffix)])
        if not volumes and any(_is_dicom(folder / name) for name in names[:3]):
            relative = str(folder.relative_to(source))
            add(folder, source.resolve().name if relative == "." else relative)
    if not cases:
        raise wrong(source, "folder", EXPECTED)
    return Dataset(safe_name(source.resolve().name).lower(), source, with_patients(cases.values(), source))


def _is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM preamble."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"
