"""What is tissue and where, cell by cell; and means over boxes of cells in constant time.

The means come from sums over all voxels before a corner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel


@kernel
def cell_shares(
    values: NDArray[np.float32], foreground: float, dense: float, cell: int, destination: NDArray[np.float32]
) -> None:
    """Shares of each cell's voxels that are above two thresholds; the last cell of an axis may be cut off.

    For `dense` a voxel that is not, but whose neighbour in the slice after it is, counts one half (published code,
    lungs).

    Args:
        values: (z, y, x) float32.
        destination: (2, cells_z, cells_y, cells_x) float32, overwritten: foreground, dense. Where it has fewer cells
            along z than `values`, what is left is only looked at as a neighbour.
    """
    nz, ny, nx = values.shape
    flat = values.reshape(-1)
    slice_size = np.uint64(ny * nx)
    bright, solid = np.float32(foreground), np.float32(dense)
    for cz in range(destination.shape[1]):
        z0, z1 = cz * cell, min(nz, cz * cell + cell)
        for cy in range(destination.shape[2]):
            y0, y1 = cy * cell, min(ny, cy * cell + cell)
            for cx in range(destination.shape[3]):
                x0, x1 = cx * cell, min(nx, cx * cell + cell)
                above, twice = 0, 0
                for z in range(z0, z1):
                    after = slice_size if z + 1 < nz else np.uint64(0)
                    for y in range(y0, y1):
                        at = np.uint64((z * ny + y) * nx + x0)
                        for x in range(np.uint64(x1 - x0)):
                            above += flat[at + x] > bright
                            here, there = flat[at + x] > solid, flat[at + x + after] > solid
                            twice += 2 * here + (there & (not here))
                count = (z1 - z0) * (y1 - y0) * (x1 - x0)
                destination[0, cz, cy, cx] = above / count
                destination[1, cz, cy, cx] = twice / (2 * count)


@kernel
def summed(shares: NDArray[np.float32], shape: tuple[int, int, int], cell: int) -> NDArray[np.float64]:
    """Sums of a share over all cells before each corner, in voxels.

    Args:
        shares: mean of each cell, (cells_z, cells_y, cells_x); the last cell of an axis may be cut off by `shape`.
        shape: the volume in voxels.

    Returns:
        (cells_z + 1, cells_y + 1, cells_x + 1) float64.
    """
    nz, ny, nx = shares.shape
    table = np.zeros((nz + 1, ny + 1, nx + 1))
    plane = np.zeros(nx + 1)
    for z in range(nz):
        depth = min(cell, shape[0] - z * cell)
        plane[:] = 0
        for y in range(ny):
            area, row = depth * min(cell, shape[1] - y * cell), 0.0
            for x in range(nx):
                row += shares[z, y, x] * float(area * min(cell, shape[2] - x * cell))
                plane[x + 1] += row
                table[z + 1, y + 1, x + 1] = table[z, y + 1, x + 1] + plane[x + 1]
    return table


@kernel
def _corner(
    table: NDArray[np.float64], shape: tuple[int, int, int], cell: int, z: int, y: int, x: int
) -> float:
    """Sum over all voxels before (z, y, x): trilinear within a cell, as a share is the same all over it."""
    cz, cy, cx = (
        min(z // cell, table.shape[0] - 2),
        min(y // cell, table.shape[1] - 2),
        min(x // cell, table.shape[2] - 2),
    )
    fz = (z - cz * cell) / min(cell, shape[0] - cz * cell)
    fy = (y - cy * cell) / min(cell, shape[1] - cy * cell)
    fx = (x - cx * cell) / min(cell, shape[2] - cx * cell)
    total = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                weight = (fz if i else 1 - fz) * (fy if j else 1 - fy) * (fx if k else 1 - fx)
                total += weight * table[cz + i, cy + j, cx + k]
    return total


@kernel
def box_mean(
    table: NDArray[np.float64],
    shape: tuple[int, int, int],
    cell: int,
    start: tuple[int, int, int],
    stop: tuple[int, int, int],
) -> float:
    """Mean of the share over a box of voxels; outside the volume it is 0.

    Args:
        table: from `summed`, for a volume of `shape` and cells of edge `cell`.
        start, stop: the box, (z, y, x), `stop` not included; may reach beyond the volume.
    """
    size = 1.0
    for axis in range(3):
        size *= stop[axis] - start[axis]
    z0, y0, x0 = max(start[0], 0), max(start[1], 0), max(start[2], 0)
    z1, y1, x1 = min(stop[0], shape[0]), min(stop[1], shape[1]), min(stop[2], shape[2])
    if z0 >= z1 or y0 >= y1 or x0 >= x1:
        return 0.0
    total = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                sign = -1.0 if (i + j + k) % 2 == 0 else 1.0
                total += sign * _corner(table, shape, cell, z1 if i else z0, y1 if j else y0, x1 if k else x0)
    return total / size
