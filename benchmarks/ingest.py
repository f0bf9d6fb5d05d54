"""One core, one CT of 512×512×240: pcrl's ingest against resampling with SimpleITK and `np.save`."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}

import numpy as np
import SimpleITK as sitk
from scan import CHEST, DATA, RECIPE, SOURCE, case
from table import spread, write

from pcrl.datasets.catalog import find
from pcrl.engine.cache.volumes.records import SourceFile
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.volumes.ingest.case import ingest_scan
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.source import fingerprint

ROUNDS = 7


def main() -> None:
    """Measure and write the table."""
    case()  # so that the sample is there
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    path = _large(DATA / "large/subset0/large.mhd")
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS + 1):
        for name, function in (("SimpleITK, np.save", _by_simpleitk), ("pcrl ingest", _by_pcrl)):
            shutil.rmtree(DATA / "cache-large", ignore_errors=True)
            begun = time.perf_counter()
            function(path)
            found.setdefault(name, []).append(time.perf_counter() - begun)
    theirs = statistics.median(found["SimpleITK, np.save"][1:])
    rows = []
    for name, values in found.items():
        median = statistics.median(values[1:])
        rows.append(
            (
                name,
                f"{median:.2f}",
                spread(values[1:], 2),
                f"{theirs / median:.1f}×",
            )
        )
    write(
        "ingest",
        "Ingest of a 512×512×240 CT on one core",
        ["numpy", "SimpleITK", "numba", "numcodecs", "zarr"],
        ("", "s", "spread", "so many times as fast"),
        rows,
        "The slices of the real chest CT of `pcrl sample`, and again in reverse, as `.mhd` at 0.7×0.7×1.25 mm, to "
        "1 mm. pcrl besides clips, finds tissue, compresses in chunks with checksums, hashes source and result, checks "
        f"OME-Zarr, syncs to disk. Medians of {ROUNDS} interleaved runs after one to warm up.",
    )


def _large(path: Path) -> Path:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        values = sitk.GetArrayFromImage(sitk.ReadImage(str(SOURCE / f"subset0/{CHEST}.mhd")))
        image = sitk.GetImageFromArray(np.concatenate([values, values[::-1]])[:240])
        image.SetSpacing((0.7, 0.7, 1.25))
        sitk.WriteImage(image, str(path))
    return path


def _by_simpleitk(path: Path) -> None:
    image = sitk.ReadImage(str(path))
    size = [round(n * s) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    resampled = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (1.0, 1.0, 1.0),
        image.GetDirection(), -1000, sitk.sitkInt16,
    )  # fmt: skip
    np.save(DATA / "large.npy", np.clip(sitk.GetArrayFromImage(resampled), -1000, 1000))


def _by_pcrl(path: Path) -> None:
    planned = plan(find("luna", path.parents[1]), DATA / "cache-large", RECIPE)
    (planned.folder / "cases").mkdir(parents=True)
    (task,) = planned.todo
    size, modified, digest = fingerprint(path)
    source = SourceFile(path=path.name, size=size, modified=modified, sha256=digest)
    ingest_scan(
        task.case, planned.folder / "cases" / task.case.name, store_of("zarr"), RECIPE.data, None,
        {str(task.case.channels[0]): source},
    )  # fmt: skip


if __name__ == "__main__":
    main()
