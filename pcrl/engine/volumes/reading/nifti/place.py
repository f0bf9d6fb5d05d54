"""Where a NIfTI says that its voxels are: by its sform, by its qform, or not at all.

A header may state two places. ITK takes the sform where its code is 1 (scanner) or the qform has no code, and else the
qform; nibabel, and with it nnU-Net, MONAI, TorchIO, FSL and SPM, take the sform wherever it has a code. Segmentations
come from the latter, which write the sform alone: so the sform is taken here, too, and a scan and its label are read by
one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.nifti.affines import (
    Matrix,
    made_up,
    moved,
    orthogonal,
    smallest_voxel,
    stated_forms,
)
from pcrl.engine.volumes.reading.nifti.header import NiftiHeader, read_header
from pcrl.engine.volumes.reading.nifti.notes import (
    IDENTITY,
    NO_PLACE,
    SAME,
    difference,
    is_identity,
    unit_notes,
)

TOLERANCE = 1.0
"""Voxels by which making a direction orthonormal may move a corner of the volume."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the voxels of a file are.

    Args:
        matrix: (3, 4), voxel (x, y, z) to LPS in mm; its columns are orthogonal. None: the file does not state it.
        notes: what a user should know about how it was found.
    """

    matrix: Matrix | None
    notes: tuple[str, ...]


def place_of(path: Path) -> Place:
    """The place that a NIfTI is read at, and what was passed over.

    Raises:
        ReadError: no header; values that are not finite, no size of voxels, or a direction that is no grid's.
    """
    header = read_header(path)
    notes = unit_notes(header)
    steps = np.asarray(header.pixdim)
    if not header.sform_code > 0 and not (np.isfinite(steps).all() and (steps > 0).all()):
        raise ReadError(
            f"{path}: the size of a voxel is stated as {_numbers(steps)} (pixdim): expected three numbers above 0; "
            "correct the header, or convert the scan from its DICOM files once more"
        )
    stated = stated_forms(header)
    if not stated:
        notes.append(NO_PLACE)
        notes += [IDENTITY] * (header.pixdim == (1.0, 1.0, 1.0))
        return Place(None, tuple(notes))
    for form, matrix in stated.items():
        if not np.isfinite(matrix).all():
            raise ReadError(
                f"{path}: its {form} holds values that are not finite, {_numbers(matrix.ravel())}: nobody knows where "
                "the scan lies; correct the header, or convert the scan from its DICOM files once more"
            )
    return _chosen(path, header, stated, notes)


def share_a_place(path: Path, other: Path) -> str:
    """How two files of equally many voxels may lie on each other although they are read by other forms.

    Returns:
        Words such as `its sform is the qform of that`; empty if no form of the one is a form of the other.
    """
    if not (is_nifti(path) and is_nifti(other)):
        return ""
    first, second = read_header(path), read_header(other)
    if first.shape != second.shape:
        return ""
    for form, matrix in _forms(first).items():
        for name, reference in _forms(second).items():
            if moved(matrix, reference, first.shape) <= SAME * smallest_voxel(reference):
                return f"its {form} is the {name} of that"
    return ""


def _forms(header: NiftiHeader) -> dict[str, Matrix]:
    """The forms that a header states; if none, what nibabel takes and writes into labels that are made with it."""
    return stated_forms(header) or {"place, as nibabel makes one up": made_up(header)}


def is_finite(path: Path) -> bool:
    """Whether no form that a file states holds NaN or infinity; so of what is no NIfTI."""
    return not is_nifti(path) or all(np.isfinite(m).all() for m in stated_forms(read_header(path)).values())


def is_nifti(path: Path) -> bool:
    """Whether a file is called like a NIfTI."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def put(image: Any, place: Place) -> None:
    """Give a SimpleITK image the place that was found, unless ITK has found the same."""
    if place.matrix is None or image.GetDimension() < 3:
        return
    direction = np.asarray(image.GetDirection()).reshape(len(image.GetSpacing()), -1)[:3, :3]
    found = np.c_[direction * np.asarray(image.GetSpacing()[:3]), image.GetOrigin()[:3]]
    if moved(found, place.matrix, image.GetSize()[:3]) <= 1e-3 * smallest_voxel(place.matrix):
        return
    spacing = np.linalg.norm(place.matrix[:, :3], axis=0)
    whole = np.eye(len(image.GetSpacing()))
    whole[:3, :3] = place.matrix[:, :3] / spacing
    image.SetSpacing((*spacing.tolist(), *image.GetSpacing()[3:]))
    image.SetOrigin((*place.matrix[:, 3].tolist(), *image.GetOrigin()[3:]))
    image.SetDirection(whole.ravel().tolist())


def _chosen(path: Path, header: NiftiHeader, stated: dict[str, Matrix], notes: list[str]) -> Place:
    """The first form that is the place of a grid."""
    faults = []
    for form, matrix in stated.items():
        grid = orthogonal(matrix)
        far = np.inf if grid is None else moved(matrix, grid, header.shape)
        if grid is None or far > TOLERANCE * smallest_voxel(grid):
            faults.append(
                f"its {form} is sheared: making it orthonormal would move a corner by {far:.1f} mm "
                f"(tolerance: one voxel, {smallest_voxel(matrix):.2f} mm)"
                if grid is not None
                else f"its {form} maps voxels onto a plane"
            )
            continue
        notes += [f"{fault}; the {form} is taken instead" for fault in faults]
        if far > 1e-3 * smallest_voxel(grid):
            notes.append(f"direction made orthonormal (moves no corner by more than {far:.2f} mm)")
        if form == "sform":
            notes += difference(header, stated)
        if is_identity(matrix, header):
            notes.append(IDENTITY)
        return Place(grid, tuple(notes))
    raise ReadError(f"{path}: {' and '.join(faults)}; resample the image to an orthonormal grid first")


def _numbers(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:g}" for value in values.tolist())
