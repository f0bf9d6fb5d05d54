"""LiTS, the Liver Tumor Segmentation challenge: in the challenge's batch folders, or all in one folder."""

from __future__ import annotations

import re
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError
from pcrl.datasets.names import printable, with_safe_names
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import cannot_be_read, check_folder, natural, walk, wrong
from pcrl.listing import counted, few

EXPECTED = """\
  Training Batch 1/volume-0.nii, segmentation-0.nii, …     (or all files in one folder; .nii or .nii.gz)
  Training Batch 2/volume-28.nii, segmentation-28.nii, …
  test-volume-0.nii, …                                     (optional, unlabelled)
  patients.csv                                             (optional: case,patient)"""
_FILE = re.compile(r"((?:test-)?volume|segmentation)-(\d+)\.nii(?:\.gz)?")
LABELS = {1: "liver", 2: "tumour"}


def find(source: Path) -> Dataset:
    """All volumes below `source`, with their segmentations.

    Raises:
        LayoutError: no volume there, or one number in two places.
    """
    check_folder(source, "lits", EXPECTED)
    files: dict[str, Path] = {}
    closed: list[OSError] = []
    for folder, names in walk(source, closed):
        for name in names:
            if match := _FILE.fullmatch(name):
                key = f"{match[1]}-{match[2]}"
                if key in files:
                    raise LayoutError(f"{key} is there twice: {files[key]} and {folder / name}; remove one")
                files[key] = folder / name
    volumes = sorted((key for key in files if "volume" in key), key=natural)
    if not volumes:
        raise wrong(source, "lits", EXPECTED)
    cases = []
    for key in volumes:
        label = None if key.startswith("test-") else files.pop(f"segmentation-{key.split('-')[1]}", None)
        cases.append(Case(key, key, (files[key],), label, modality="ct"))
    lonely = [printable(str(path)) for key, path in files.items() if key.startswith("segmentation")]
    notes = (
        [
            f"{counted(len(lonely), 'segmentation')} without a volume of that number, and so skipped: {few(lonely)}"
        ]
        if lonely
        else []
    )
    bare = [case.name for case in cases if case.label is None and not case.name.startswith("test-")]
    if bare:
        notes.append(f"{counted(len(bare), 'volume')} without a segmentation, and so unlabelled: {few(bare)}")
    return Dataset(
        "lits",
        source,
        with_patients(with_safe_names(cases), source),
        LABELS,
        notes=tuple(notes),
        unreadable=cannot_be_read(closed, source),
    )
