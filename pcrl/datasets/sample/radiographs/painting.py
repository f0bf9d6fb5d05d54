"""Findings painted into a chest CT, so that what a label says of its projection is true by construction.

They are shapes of even density in the lungs, not models of disease. A severity between 0 and 1 sets size or density.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pcrl.datasets.sample.radiographs.chest import Chest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FINDINGS = ("effusion", "cardiomegaly", "lesion", "consolidation", "edema", "atelectasis")
_BOTH = ("cardiomegaly", "lesion", "edema")
"""Findings in both lungs; the others are in one."""


def paint(chest: Chest, findings: dict[str, float], rng: np.random.Generator) -> NDArray[np.float32]:
    """A copy of the chest's HU with the findings (name → severity) in it; the generator draws sides and places."""
    import numpy as np

    hu = chest.hu.astype(np.float64)
    lungs = chest.right | chest.left
    # mm from the lowest, foremost, rightmost corner of the box round the lungs, and the size of that box.
    grid: list[Any] = [
        ((np.arange(size) - low) * mm).reshape([-1 if n == axis else 1 for n in range(3)])
        for axis, (size, low, mm) in enumerate(zip(hu.shape, chest.low, chest.spacing, strict=True))
    ]
    z, y, x = grid
    height, depth, width = (
        (high - low) * mm for low, high, mm in zip(chest.low, chest.high, chest.spacing, strict=True)
    )

    def place(lung: NDArray[np.bool_]) -> list[float]:
        """A random point of a lung, in mm as the grid."""
        voxel = rng.choice(np.argwhere(lung))
        return [(v - low) * mm for v, low, mm in zip(voxel, chest.low, chest.spacing, strict=True)]

    def distance(point: list[float]) -> NDArray[np.float64]:
        return np.asarray(np.sqrt((z - point[0]) ** 2 + (y - point[1]) ** 2 + (x - point[2]) ** 2))

    def fill(inside: NDArray[Any], value: float) -> None:
        """Blend to `value` HU where `inside`, in mm from the surface, is above 0; the edge is as soft as a voxel."""
        weight = np.clip(inside / 4 + 0.5, 0, 1)
        hu[:] += np.where(lung, weight * (value - hu), 0)

    for name in FINDINGS:
        if name not in findings:
            continue
        severity = findings[name]
        lung = lungs if name in _BOTH else (chest.right, chest.left)[int(rng.integers(2))]
        if name == "effusion":  # Water at the bottom, climbing at the chest wall.
            wall = (np.abs(x - width / 2) / (width / 2)) ** 2
            fill(height * (0.2 + 0.3 * severity + 0.15 * wall) - z + 0 * y, 20)
        elif name == "cardiomegaly":
            radii = (0.36 * height, 0.34 * depth, (0.3 + 0.1 * severity) * width)
            centre = (0.33 * height, 0.38 * depth, 0.56 * width)
            squares = [((axis - c) / r) ** 2 for axis, c, r in zip(grid, centre, radii, strict=True)]
            fill((1 - np.sqrt(squares[0] + squares[1] + squares[2])) * min(radii), 40)
        elif name == "lesion":
            for _ in range(int(rng.integers(1, 4))):
                fill(10 + 8 * severity - distance(place(lung)), 60)
        elif name == "consolidation":
            weight = np.clip(1.5 - distance(place(lung)) / (30 + 20 * severity), 0, 0.8)
            hu += np.where(lung, weight * (30 - hu), 0)
        elif name == "edema":  # Both lungs, most beside the heart.
            middle = np.exp(-(((x - width / 2) / (0.3 * width)) ** 2))
            hu += np.where(lung, (200 + 250 * severity) * (0.3 + middle), 0)
        else:  # Atelectasis: a plate across the lower half of one lung.
            tilt, level = rng.uniform(-0.3, 0.3), rng.uniform(0.25, 0.5) * height
            away = np.abs(z - level - tilt * (x - width / 2) - 0.2 * (y - depth / 2))
            fill(4 + 5 * severity - away, 30)
    return hu.astype(np.float32)
