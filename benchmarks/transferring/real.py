"""The real patients of the sample that have organ masks, in a cache of their own, with organs named as here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pcrl.config import VolumeRecipe
from pcrl.datasets.sample import sources as sample_sources
from pcrl.datasets.sample.scans import CASES, make
from pcrl.engine.cache.cache import Cache
from transferring.cohorts import describe, ingest
from transferring.tuning import Volume, volumes

ROOT = "Dataset805_RealSample"
ORGANS: Mapping[str, tuple[int, ...]] = {
    # Values of TotalSegmentator 2; looked at: volume, density and place of each fit in all three scans.
    "liver": (5,),
    "spleen": (1,),
    "kidneys": (2, 3),
    "stomach": (6,),
    "bowel": (18, 19, 20),
    "vessels": (52, 63),
    "pancreas": (7,),
    "lungs": (10, 11, 12, 13, 14),
    "vertebrae": tuple(range(25, 51)),
    "back muscles": (86, 87),
    "ribs": tuple(range(92, 116)),
}
FEWEST = 20
"""Voxels of 6 mm below which a patient does not count as having an organ."""


def load_real(folder: Path, sample: Path, recipe: VolumeRecipe) -> list[Volume]:
    """The patients with organ masks; the sample is fetched into `sample` if it is not there.

    Raises:
        pcrl.datasets.sample.sources.SampleError: it cannot be fetched.
    """
    make(sample, 0, print)
    root = folder / "source" / ROOT
    named = {}
    for case in CASES:
        if case.lits is None or case.organs is None:
            continue
        image = root / "imagesTr" / f"{case.patient}_0000.nii.gz"
        named[case.patient] = False
        if not image.exists():
            organs = sample_sources.original(case.organs, sample)
            _lay_out(
                sample / "lits" / f"volume-{case.lits}.nii.gz",
                organs,
                image,
                root / "labelsTr" / f"{case.patient}.nii.gz",
            )
    describe(root, {"background": 0} | {name: n for n, name in enumerate(ORGANS, 1)}, named)
    cache: Cache = ingest([root], folder / "cache-real", recipe)
    cases = sorted(cache.dataset(ROOT.lower()).cases, key=lambda case: case.patient)
    return volumes(cases)


def shared(patients: Sequence[Volume]) -> dict[str, int]:
    """Organs that at least two patients have, and their numbers."""
    return {
        name: number
        for number, name in enumerate(ORGANS, 1)
        if sum((one.label == number).sum() >= FEWEST for one in patients) >= 2
    }


def _lay_out(source: Path, organs: Path, image: Path, label: Path) -> None:
    import SimpleITK as sitk

    scan = sitk.ReadImage(str(source))
    masks = sitk.Resample(sitk.ReadImage(str(organs)), scan, sitk.Transform(), sitk.sitkNearestNeighbor)
    values = sitk.GetArrayFromImage(masks)
    named = np.zeros(values.shape, np.uint8)
    for number, group in enumerate(ORGANS.values(), 1):
        named[np.isin(values, group)] = number
    grouped = sitk.GetImageFromArray(named)
    grouped.CopyInformation(scan)
    # The image last: where it is, the label is.
    for volume, path in ((grouped, label), (scan, image)):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".partial-{path.name}")
        sitk.WriteImage(volume, str(partial))
        partial.replace(path)
