"""Virtual abdomens with six labelled organs, made by a procedure from a seed. They owe nothing to any scan.

Liver, spleen, kidneys, stomach, bowel and great vessels draw their densities from one distribution, as do the muscles
beside them, so that density alone does not tell them apart: place, shape and texture must. Patients differ in size,
tilt and bend; in one of ten left and right are exchanged; spleens and kidneys may be missing, stomachs empty.
They give a method something to learn from; nothing learnt on them says anything about patients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pcrl.datasets.sample.virtual.organs import Draft, Frame
from pcrl.datasets.sample.virtual.shapes import Mask, space_of

SHAPE = (48, 72, 72)
SPACING = 4.0
"""mm, of all three axes."""
ORGANS = ("liver", "spleen", "kidneys", "stomach", "bowel", "vessels")
"""Organ n + 1 of a label."""
MIRRORED, NO_SPLEEN, NO_KIDNEY, EMPTY_STOMACH = 0.1, 0.08, 0.06, 0.15
"""How often: left and right exchanged, no spleen, a kidney missing (each), a stomach without content."""


def virtual_anatomy(seed: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """A CT in HU and its organs, both (z, y, x) with z towards the head, y to the back, x to the left (LPS)."""
    rng = np.random.default_rng(np.random.SeedSequence([20_26, seed]))
    space = space_of(SHAPE, SPACING, bool(rng.random() < MIRRORED), rng)
    frame = Frame(
        half_width=rng.uniform(112, 132),
        half_depth=rng.uniform(82, 104),
        fat=rng.uniform(6, 20),
        enhancement=rng.uniform(0, 1),
    )
    draft = Draft(space, frame)
    draft.body()
    draft.diaphragm_and_lungs()
    draft.spine_and_muscles()
    draft.great_vessels(ORGANS.index("vessels") + 1)
    for side in (-1, 1):
        if rng.random() >= NO_KIDNEY:
            draft.kidney(ORGANS.index("kidneys") + 1, side)
    draft.liver(ORGANS.index("liver") + 1)
    if rng.random() >= NO_SPLEEN:
        draft.spleen(ORGANS.index("spleen") + 1)
    draft.stomach(ORGANS.index("stomach") + 1, empty=bool(rng.random() < EMPTY_STOMACH))
    draft.bowel(ORGANS.index("bowel") + 1)
    draft.lesions([ORGANS.index(name) + 1 for name in ("liver", "spleen", "kidneys")])
    return _scanned(draft, rng), draft.label


def _scanned(draft: Draft, rng: np.random.Generator) -> NDArray[np.int16]:
    """What a scanner would make of it: blurred, with noise of two grains, more of it inside the body."""
    inside: Mask = draft.hu > -950
    grain = draft.space.smooth(rng.uniform(4, 10), 5) + rng.normal(0, rng.uniform(10, 22), SHAPE)
    hu = gaussian_filter(draft.hu, rng.uniform(0.4, 0.7)) + grain * np.where(inside, 1.0, 0.4)
    return np.asarray(np.clip(np.rint(hu), -1024, 3071), np.int16)
