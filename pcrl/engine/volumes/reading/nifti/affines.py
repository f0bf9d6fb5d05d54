"""Matrices from voxels to the patient: the forms that a NIfTI states, and how far apart two of them are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.volumes.reading.nifti.header import NiftiHeader

Matrix = NDArray[np.float64]
"""(3, 4): voxel (x, y, z) to a point in mm, LPS unless said otherwise."""


def stated_forms(header: NiftiHeader) -> dict[str, Matrix]:
    """The forms that have a code, the sform first: voxel to LPS in mm, (3, 4). They need not be grids, nor finite."""
    found = {}
    if header.sform_code > 0:
        found["sform"] = header.rows.copy()
    if header.qform_code > 0:
        found["qform"] = _qform(header)
    # NIfTI is RAS: the first two axes of the patient change sign.
    to_lps = np.array([-1.0, -1.0, 1.0])[:, None] * (header.unit or 1.0)
    return {form: matrix * to_lps for form, matrix in found.items()}


def made_up(header: NiftiHeader) -> Matrix:
    """What nibabel takes where no form has a code: voxel to LPS, the first axis to the left, centred."""
    steps = np.array(header.pixdim) * (1.0, -1.0, 1.0)
    return np.asarray(np.c_[np.diag(steps), -steps * (np.array(header.shape) - 1) / 2], np.float64)


def moved(matrix: Matrix, other: Matrix, shape: tuple[int, ...]) -> float:
    """Largest distance in mm of a corner voxel under two places; infinite if one is not finite."""
    if not (np.isfinite(matrix).all() and np.isfinite(other).all()):
        return np.inf
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), float).reshape(3, -1)
    distance = (matrix - other) @ np.r_[corners, np.ones((1, corners.shape[1]))]
    return float(np.linalg.norm(distance, axis=0).max()) if np.isfinite(distance).all() else np.inf


def smallest_voxel(matrix: Matrix) -> float:
    """The smallest distance in mm of two neighbouring voxels."""
    return float(np.linalg.norm(matrix[:, :3], axis=0).min())


def _qform(header: NiftiHeader) -> Matrix:
    """Voxel to RAS by the quaternion, in the unit of the file (nifti1.h, method 2)."""
    b, c, d = header.quaternion[:3]
    norm = b * b + c * c + d * d
    if norm > 1:
        b, c, d = (value / np.sqrt(norm) for value in (b, c, d))
    a = np.sqrt(max(0.0, 1 - norm))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = np.array(header.pixdim) * (1, 1, -1 if header.handedness < 0 else 1)
    return np.asarray(np.c_[rotation * steps, header.quaternion[3:]], np.float64)


def orthogonal(matrix: Matrix) -> Matrix | None:
    """The place with the closest orthonormal direction, as ITK finds it (polar factor); None if there is none."""
    spacing = np.linalg.norm(matrix[:, :3], axis=0)
    if not (spacing > 0).all() or not np.isfinite(spacing).all():
        return None
    left, stretch, right = np.linalg.svd(matrix[:, :3] / spacing)
    if stretch[-1] < 1e-6:
        return None
    return np.asarray(np.c_[left @ right * spacing, matrix[:, 3]], np.float64)
