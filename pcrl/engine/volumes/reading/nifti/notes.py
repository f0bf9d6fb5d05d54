"""What a user should know of the place that a NIfTI states, although it can be read."""

from __future__ import annotations

import numpy as np

from pcrl.engine.volumes.reading.nifti.affines import Matrix, moved, smallest_voxel
from pcrl.engine.volumes.reading.nifti.header import NiftiHeader

SAME = 0.5
"""Voxels by which corners may differ of what is one place."""
_CODES = {1: "scanner", 2: "aligned", 3: "Talairach", 4: "MNI", 5: "template"}
_MICROMETRE = 0.001
IDENTITY = (
    "its affine is the identity, as of scans whose geometry was lost: voxels count as cubes of 1 mm, and whatever has "
    "another size is stretched or squeezed in the cache"
)
NO_PLACE = (
    "the header states no place (codes of sform and qform are 0): the first axis is taken to run to the left, the "
    "second to the back, the third to the head; if they do not, the scan is mirrored or turned"
)


def difference(header: NiftiHeader, stated: dict[str, Matrix]) -> list[str]:
    """By how much the sform, which is taken, and what else the header says of the voxels' place disagree."""
    if "qform" not in stated:
        sizes = np.linalg.norm(stated["sform"][:, :3], axis=0) / (header.unit or 1.0)
        if np.allclose(sizes, header.pixdim, rtol=0.01):
            return []
        text = (
            f"voxels are {_sizes(sizes.tolist())} by its sform and {_sizes(header.pixdim)} by its pixdim: the sform is "
            "taken, as nibabel does; if it is wrong, all sizes are"
        )
        return [text]
    far = moved(stated["sform"], stated["qform"], header.shape)
    if far <= SAME * smallest_voxel(stated["sform"]):
        return []
    codes = [_CODES.get(code, str(code)) for code in (header.sform_code, header.qform_code)]
    text = (
        f"its sform ({codes[0]}) and its qform ({codes[1]}) put a corner {far:.1f} mm apart: the sform is taken, as "
        "nibabel does; programs that take the qform show the scan elsewhere"
    )
    return [text]


def unit_notes(header: NiftiHeader) -> list[str]:
    """What the unit of length means for sizes."""
    if header.unit is None:
        return [
            "the header states no unit of length: mm are taken; if it is another, all sizes are wrong by that factor"
        ]
    if header.unit != 1.0:
        name = "µm" if header.unit == _MICROMETRE else "m"
        return [f"the header states its lengths in {name}: they are converted to mm"]
    return []


def is_identity(matrix: Matrix, header: NiftiHeader) -> bool:
    """Whether a form is what software writes that has lost the geometry."""
    straight = np.allclose(np.abs(matrix[:, :3]), np.eye(3), atol=1e-6)
    return bool(straight and header.unit in (None, 1.0) and np.isin(np.abs(matrix[:, 3]), (0.0, 1.0)).all())


def _sizes(steps: list[float] | tuple[float, ...]) -> str:
    return "×".join(f"{step:.3g}" for step in steps)
