"""Rotation, flip and what is left of a resize in one bilinear gather of an image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel

_f = np.float32


@kernel
def turn(
    grid: NDArray[np.float32],
    destination: NDArray[np.float32],
    angle: float,
    flip: bool,
    scale: float,
) -> None:
    """Resize the crop to the view, rotate it about its centre, then mirror it; beyond the crop it is black.

    As published, but bilinear where that rotates to the nearest pixel. Positions up to half a pixel beyond the
    outermost centres take the border's value. Without a branch in the innermost loop, which then runs on whole vectors.

    Args:
        grid: (y, x) float32, covers the same crop as `destination`: as many pixels, or fewer.
        destination: (y, x) float32, overwritten with `scale · value`, 0 where there is no crop.
        angle: counter-clockwise, radians.
    """
    flat = grid.reshape(-1)
    gy, gx = grid.shape
    ny, nx = destination.shape
    ratio_y, ratio_x = gy / ny, gx / nx
    cosine, sine = math.cos(angle), math.sin(angle)
    mirror = -1.0 if flip else 1.0
    # An axis of one pixel has no pixel after it.
    cell_y, cell_x = np.int32(max(gy - 2, 0)), np.int32(max(gx - 2, 0))
    up_y, up_x = np.uint64(gx if gy > 1 else 0), np.uint64(1 if gx > 1 else 0)
    end_y, end_x = _f(gy - 1), _f(gx - 1)
    stride = np.int32(gx)
    step_y, step_x = _f(mirror * sine * ratio_y), _f(mirror * cosine * ratio_x)
    factor = _f(scale)
    for y in range(ny):
        cy, cx = y - (ny - 1) * 0.5, -mirror * (nx - 1) * 0.5
        base_y = _f((cosine * cy + sine * cx + ny * 0.5) * ratio_y - 0.5)
        base_x = _f((-sine * cy + cosine * cx + nx * 0.5) * ratio_x - 0.5)
        output = destination[y]
        for x in range(nx):
            along = _f(np.int32(x))
            py = base_y + along * step_y
            px = base_x + along * step_x
            inside = (py >= _f(-0.5)) & (py <= end_y + _f(0.5)) & (px >= _f(-0.5)) & (px <= end_x + _f(0.5))
            py = min(max(py, _f(0)), end_y)
            px = min(max(px, _f(0)), end_x)
            iy = min(np.int32(py), cell_y)
            ix = min(np.int32(px), cell_x)
            fy, fx = py - _f(iy), px - _f(ix)
            at = np.uint64(np.int32(iy * stride + ix))
            v00, v01 = flat[at], flat[at + up_x]
            v10, v11 = flat[at + up_y], flat[at + up_y + up_x]
            v0 = v00 + fx * (v01 - v00)
            v1 = v10 + fx * (v11 - v10)
            value = (v0 + fy * (v1 - v0)) * factor
            output[x] = value if inside else _f(0)
