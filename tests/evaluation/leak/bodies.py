"""Made-up bodies that differ as people do: the same organs, elsewhere and of other shapes."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from pcrl.engine.fingerprints.fingerprints import Collection
from pcrl.engine.fingerprints.thumbnail import thumbnail

SHAPES = {2: (90, 80), 3: (36, 40, 44)}


def organs(dims):
    """What all have in common, 0 to 1."""
    rng = np.random.default_rng(5)
    shape = SHAPES[dims]
    texture = gaussian_filter(rng.standard_normal(shape), 3)
    places = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    inside = sum(place**2 for place in places) < 0.8
    return np.where(inside, 0.6 + 0.2 * texture / np.abs(texture).max(), 0).astype(np.float32)


def person(number, dims, bent=0.06):
    """One of them, bent by a share of the field of view."""
    rng, shape = np.random.default_rng(number), SHAPES[dims]
    places = np.indices(shape).astype(float)
    for axis, edge in zip(places, shape, strict=True):
        bend = gaussian_filter(rng.standard_normal(shape), 5)
        axis += bent * edge * bend / bend.std()
    return map_coordinates(organs(dims), places, order=1, mode="nearest")


def collected(scans):
    """Fingerprints of scans by name, each of a patient of its own; `(patient, scan)` states whose it is."""
    collection = Collection()
    for name, scan in scans.items():
        patient, scan = scan if isinstance(scan, tuple) else (f"patient of {name}", scan)
        collection.add(name, patient, False, (), [thumbnail(scan)])
    return collection.fingerprints()
