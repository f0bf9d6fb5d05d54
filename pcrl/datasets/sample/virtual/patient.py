"""Virtual patients: abdomens made by a procedure from a seed. They owe nothing to any scan.

The body is an ellipse of muscle in a ring of fat, with spine, two lungs over a domed diaphragm, liver, spleen, two
kidneys and an aorta: ellipsoids whose places, sizes and densities vary with the seed, on smooth texture and noise.
They test machinery and give it something to learn from; nothing learned on them says anything about patients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHAPE = (88, 112, 128)
SPACING = (3.0, 2.8, 2.8)
"""mm, (z, y, x)."""


def virtual_patient(seed: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """A CT in HU and its liver mask, both (z, y, x) with z towards the head, y to the back, x to the left (LPS)."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(np.random.SeedSequence([20_23, seed]))
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij", sparse=True)

    def smooth(amplitude: float, sigma: float) -> NDArray[np.float64]:
        field = gaussian_filter(rng.normal(size=SHAPE), sigma)
        return np.asarray(amplitude * field / field.std())

    def ellipsoid(
        centre: tuple[float, ...], radii: tuple[float, ...], wobble: float = 0.03
    ) -> NDArray[np.bool_]:
        """Centre and radii vary by a few percent, the surface by `wobble`."""
        c = np.asarray(centre) + rng.normal(0, 0.025, 3)
        r = np.asarray(radii) * rng.uniform(0.85, 1.15, 3)
        distance = ((z - c[0]) / r[0]) ** 2 + ((y - c[1]) / r[1]) ** 2 + ((x - c[2]) / r[2]) ** 2
        return np.asarray(distance + smooth(wobble * 4, 4) < 1)

    width, depth = rng.uniform(0.72, 0.88), rng.uniform(0.55, 0.72)
    fat = rng.uniform(0.06, 0.16)
    radius = (y / depth) ** 2 + (x / width) ** 2 + 0 * z
    ct = np.full(SHAPE, -1000.0)
    ct[radius < 1] = rng.uniform(-110, -90)
    inside = radius < (1 - fat) ** 2
    ct[inside] = rng.uniform(-20, 10)  # bowel, mesentery
    ct[inside & (radius > (0.93 - fat) ** 2)] = rng.uniform(45, 65)  # muscle
    for side in (-1, 1):
        lung = ellipsoid((0.95, 0.02, side * 0.36 * width), (0.75, 0.75 * depth, 0.32 * width)) & inside
        ct[lung] = rng.uniform(-860, -780)
        kidney = ellipsoid((-0.35, 0.3 * depth, side * 0.4 * width), (0.28, 0.16, 0.11)) & inside
        ct[kidney] = rng.uniform(90, 150)
    liver = ellipsoid((0.12, -0.05, -0.4 * width), (0.42, 0.68 * depth, 0.4 * width), 0.05)
    liver |= ellipsoid((0.15, -0.3 * depth, -0.02), (0.24, 0.3 * depth, 0.3 * width), 0.05)
    liver &= radius < (0.9 - fat) ** 2
    ct[liver] = rng.uniform(60, 110)
    spleen = ellipsoid((0.18, 0.25 * depth, 0.55 * width), (0.24, 0.26, 0.13)) & inside & ~liver
    ct[spleen] = rng.uniform(80, 130)
    ct[liver] += smooth(6, 2)[liver]
    aorta = ((y - 0.36 * depth) ** 2 + (x - 0.05) ** 2 + 0 * z) < 0.055**2
    ct[aorta] = rng.uniform(120, 220)
    liver &= ~aorta
    spine = ((y - 0.62 * depth) ** 2 + x**2 + 0 * z) < 0.13**2
    ct[spine] = rng.uniform(180, 320)
    ct[spine & (np.sin(z * 28 + rng.uniform(0, 6)) > 0.8)] = 60  # discs
    ct = gaussian_filter(ct, 0.6) + smooth(5, 1.2) + rng.normal(0, 12, SHAPE)
    return np.clip(np.rint(ct), -1024, 3071).astype(np.int16), liver.astype(np.uint8)
