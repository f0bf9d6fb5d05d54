"""A chest CT made ready for findings to be painted into it: coarse, without the table, with its lungs known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOXEL = 3.0
"""mm; a CT is averaged over as many voxels as come closest to it."""


@dataclass(frozen=True, slots=True)
class Chest:
    """A CT and its lungs, all (z, y, x) with z towards the head, y to the back, x to the patient's left.

    Args:
        hu: float32.
        spacing: mm.
        right: mask of the patient's right lung, its vessels included.
        left: the same of the left lung.
        low: first voxel of the box round both lungs, by axis.
        high: last voxel of it.
    """

    hu: NDArray[np.float32]
    spacing: tuple[float, float, float]
    right: NDArray[np.bool_]
    left: NDArray[np.bool_]
    low: tuple[int, int, int]
    high: tuple[int, int, int]

    @property
    def centre(self) -> tuple[float, float, float]:
        """Middle of the box round the lungs, in voxels."""
        z, y, x = ((low + high) / 2 for low, high in zip(self.low, self.high, strict=True))
        return z, y, x


def prepare(ct: NDArray[Any], spacing: tuple[float, float, float]) -> Chest:
    """Average to about 3 mm, set everything outside the body to air, find the lungs, dim contrast agent.

    Args:
        ct: (z, y, x) in HU, oriented as in `Chest`.
        spacing: mm.
    """
    import numpy as np
    from scipy import ndimage

    factors = [max(1, round(VOXEL / mm)) for mm in spacing]
    z, y, x = (size // factor for size, factor in zip(ct.shape, factors, strict=True))
    whole = ct[: z * factors[0], : y * factors[1], : x * factors[2]].astype(np.float32)
    hu = np.clip(whole, -1000, 2000).reshape(z, factors[0], y, factors[1], x, factors[2]).mean(axis=(1, 3, 5))
    body = _largest(hu > -300)
    body = np.stack([ndimage.binary_fill_holes(layer) for layer in body])
    hu[~ndimage.binary_dilation(body)] = -1000
    lungs = ndimage.binary_closing(_largest(body & (hu < -500)), iterations=2) & body
    box = [np.flatnonzero(lungs.any(axis=tuple(n for n in range(3) if n != axis))) for axis in range(3)]
    low, high = ([int(where[end]) for where in box] for end in (0, -1))
    # Vessels full of contrast agent outshine everything. Between the lungs and before the spine nothing may.
    inside = [np.linspace(-1, 1, last - first) for first, last in zip(low, high, strict=True)]
    middle = hu[tuple(slice(first, last) for first, last in zip(low, high, strict=True))]
    tube = (inside[1][:, None] / 0.85 + 0.25) ** 2 / 0.65**2 + (inside[2][None, :] / 0.8) ** 2 < 1
    middle[:, tube] = np.minimum(middle[:, tube], 60)
    hu[:, [0, -1]] = -1000  # The table may have pressed the body against the back of the scan.
    is_left = np.arange(x) > (low[2] + high[2]) / 2
    return Chest(
        hu.astype(np.float32),
        (spacing[0] * factors[0], spacing[1] * factors[1], spacing[2] * factors[2]),
        lungs & ~is_left,
        lungs & is_left,
        (low[0], low[1], low[2]),
        (high[0], high[1], high[2]),
    )


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected parts: all of at least a quarter of the largest one's size."""
    import numpy as np
    from scipy import ndimage

    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= sizes.max() / 4)[parts])
