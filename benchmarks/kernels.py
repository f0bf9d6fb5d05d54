"""Each kernel against NumPy and SciPy doing the same, on one published 3D view: 112×112×64 voxels to 32×64×64.

One thread. Correctness is the tests' affair; here only time is looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from table import interleaved, write

from pcrl.kernels.compile import kernel
from pcrl.kernels.pixels.blur import MAXIMUM_RADIUS, blur
from pcrl.kernels.pixels.gamma import apply_gamma
from pcrl.kernels.pixels.noise import add_noise
from pcrl.kernels.pixels.normalize import LANES, normalize
from pcrl.kernels.pixels.resample import box_taps, resample_box
from pcrl.kernels.volumes.swap import swap_blocks
from pcrl.kernels.volumes.warp import affine_matrix, gather

BOX, VIEW = (64, 112, 112), (32, 64, 64)
SWAPS, BLOCK = 100, (4, 4, 8)


@kernel
def _once(source: NDArray[np.int16], destination: NDArray[np.float32]) -> None:
    """Read every voxel of the box and write every voxel of the view, and no more."""
    total = np.int32(0)
    for z in range(BOX[0]):
        for y in range(BOX[1]):
            row = source[3 + z, 4 + y]
            for x in range(BOX[2]):
                total += row[5 + x]
    for i in range(destination.size):
        destination[i] = np.float32(total)


def main() -> None:
    """Measure and write the table."""
    rng = np.random.default_rng(0)
    source = rng.integers(-1000, 1000, (80, 130, 130)).astype(np.int16)
    view = rng.random(VIEW).astype(np.float32)
    grid, output, work = (
        np.empty(VIEW, np.float32),
        np.empty(VIEW, np.float32),
        np.empty(view.size, np.float32),
    )
    plane, row = np.empty(BOX[1] * BOX[2], np.float32), np.empty(512, np.float32)
    weights, lanes, blocks = (
        np.empty(MAXIMUM_RADIUS + 1, np.float32),
        np.empty(LANES),
        np.empty((2, *BLOCK), np.float32),
    )
    matrix = affine_matrix((1.05, 0.95, 1.0), (0.1, -0.1, 0.15))
    taps = box_taps(BOX, VIEW)
    step = np.divide(BOX, VIEW)

    def warp() -> None:
        resample_box(source, (3, 4, 5), BOX, *taps, plane, row, grid)
        gather(grid, output, matrix, True, 1 / 2000, 0.5)

    def warp_scipy() -> None:
        crop = source[3:67, 4:116, 5:117].astype(np.float32)
        smooth = ndimage.uniform_filter(crop, np.round(step).astype(int))
        small = ndimage.zoom(smooth, 1 / step, order=1, grid_mode=True, mode="nearest")[:, :, ::-1]
        centre = (np.asarray(VIEW) - 1) / 2
        ndimage.affine_transform(
            small, matrix, centre - matrix @ centre, order=1, mode="constant", cval=-1000
        )

    def swap_numpy() -> None:
        draws = np.random.default_rng(1)
        for _ in range(SWAPS):
            a, b = (
                tuple(draws.integers(0, n - k + 1) for n, k in zip(VIEW, BLOCK, strict=True))
                for _ in range(2)
            )
            first, second = (tuple(slice(s, s + k) for s, k in zip(at, BLOCK, strict=True)) for at in (a, b))
            kept = view[first].copy()
            view[first] = view[second]
            view[second] = kept

    flat = view.reshape(-1)
    generator = np.random.default_rng(0)
    once = {"once": lambda: _once(source, output.reshape(-1)), "in place": lambda: np.add(flat, 1, out=flat)}
    pairs = {
        "crop, resize, flip, affine": (warp, warp_scipy),
        "Gaussian blur, σ = 1 (the mean draw)": (
            lambda: blur(view, 1.0, 1.0, 1.0, work, row, weights),
            lambda: ndimage.gaussian_filter(view, 1.0),
        ),
        "Gaussian noise": (
            lambda: add_noise(flat, 0.1, 12345),
            lambda: flat + generator.normal(0, 0.1, flat.size).astype(np.float32),
        ),
        "gamma": (lambda: apply_gamma(flat, 1.01), lambda: np.sign(flat) * np.abs(flat) ** np.float32(1.01)),
        "100 block swaps": (lambda: swap_blocks(view, SWAPS, *BLOCK, 99, blocks), swap_numpy),
        "z-normalisation": (lambda: normalize(flat, lanes), lambda: (flat - flat.mean()) / flat.std()),
    }
    limits = interleaved(once)
    rows, ours, theirs, least = [], 0.0, 0.0, 0.0
    for name, (own, peer) in pairs.items():
        found = interleaved({"own": own, "peer": peer})
        limit = limits["once" if own is warp else "in place"]
        ours, theirs, least = ours + found["own"], theirs + found["peer"], least + limit
        rows.append((name, f"{limit:.2f}", *_columns(found["own"], found["peer"])))
    rows.append(("**a global view**", f"{least:.2f}", *_columns(ours, theirs)))
    write(
        "kernels",
        "Kernels against NumPy and SciPy",
        ["numpy", "numba", "scipy"],
        ("", "reading and writing once, ms", "pcrl, ms", "NumPy/SciPy, ms", "ratio"),
        rows,
        f"Box {BOX} to view {VIEW}, int16 to float32, one thread, medians of 15 interleaved runs. Why not the "
        "limit: the warp adds up four taps on three axes (anti-aliasing), then gathers eight voxels for each of the "
        "view; blur has nine taps on three axes at σ = 1; noise takes two hashes, a logarithm, a root and two sines a "
        "pair of voxels; gamma a logarithm and a power.",
    )


def _columns(own: float, peer: float) -> tuple[str, str, str]:
    return f"{own:.2f}", f"{peer:.2f}", f"{peer / own:.1f}×"


if __name__ == "__main__":
    main()
