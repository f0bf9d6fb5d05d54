"""From a CT to a radiograph: parallel rays, attenuated by what they pass through, shown as on film.

Bones are white and lungs dark. The head is up; a frontal view has the patient's left on its right side, a lateral view
has the front of the chest on its left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WATER = 0.02
"""Attenuation of water in 1/mm, as at the tube voltages of chest radiographs."""
SCATTER = 0.006
"""Share of the beam that reaches the film whatever is in its way; it flattens the densest parts."""
STEP = 5.0
"""mm along a ray."""
_DEPTH = {"frontal": 330.0, "lateral": 430.0}
"""mm that a ray is followed for, the patient's middle in the middle."""
_BEAM_AXES = {"frontal": (0, 1, 2), "lateral": (0, 2, 1)}
"""Axes of the CT that rows, rays and columns run along."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a patient stands before the film; all in (z, y, x) order.

    Args:
        angles: degrees about each axis.
        scale: 1 as in the CT, 2 twice as large.
        shift: mm.
    """

    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)


def radiograph(
    ct: NDArray[np.float32],
    spacing: tuple[float, float, float],
    centre: tuple[float, float, float],
    pose: Pose,
    view: Literal["frontal", "lateral"],
    shape: tuple[int, int],
    extent: tuple[float, float],
) -> NDArray[np.uint8]:
    """The radiograph of a CT.

    Args:
        ct: (z, y, x) in HU, z towards the head, y to the back, x to the patient's left. Its faces are continued
            outward, so that a film that is larger than the scan has no black border.
        spacing: mm.
        centre: voxel before the middle of the film.
        shape: rows and columns of the film.
        extent: height and width of the film in mm.

    Returns:
        (rows, columns), the 1st to the 99.7th percentile over the range from 0 to 255.
    """
    import numpy as np
    from scipy.ndimage import affine_transform

    rows, columns = shape
    rays = round(_DEPTH[view] / STEP)
    row_axis, ray_axis, column_axis = _BEAM_AXES[view]
    # Film coordinates (row, ray, column) → mm from the centre along z, y, x. Rows run down, z runs up.
    film = np.zeros((3, 3))
    film[row_axis, 0] = -extent[0] / rows
    film[ray_axis, 1] = STEP
    film[column_axis, 2] = extent[1] / columns
    to_voxels = (
        np.diag(1 / np.asarray(spacing)) @ np.diag(1 / np.asarray(pose.scale)) @ _rotation(pose.angles)
    )
    matrix = to_voxels @ film
    middle = np.asarray([(rows - 1) / 2, (rays - 1) / 2, (columns - 1) / 2])
    start = np.asarray(centre) - np.asarray(pose.shift) / np.asarray(spacing) - matrix @ middle
    density = (np.clip(ct, -1000, 2000) + 1000) / 1000
    sampled = affine_transform(
        density, matrix, start, (rows, rays, columns), np.float32, order=1, mode="nearest"
    )
    path = sampled.sum(axis=1, dtype=np.float64) * STEP
    film_density = -np.log(np.exp(-WATER * path) + SCATTER)
    low, high = np.percentile(film_density, (1, 99.7))
    shown = (film_density - low) / max(high - low, 1e-6)
    return np.asarray(np.rint(np.clip(shown, 0, 1) * 255), np.uint8)


def _rotation(angles: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotations about z, then y, then x."""
    import numpy as np

    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(angles)):
        first, second = (n for n in range(3) if n != axis)
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result
