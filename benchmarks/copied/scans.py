"""Real scans inside packages, radiographs computed from the CTs among them, and virtual patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.config import load_recipe
from pcrl.datasets.sample import sources
from pcrl.datasets.sample.radiographs.projection import Pose, radiograph
from pcrl.datasets.sample.virtual.patient import SPACING, virtual_patient
from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.prepare import prepare
from pcrl.engine.volumes.reading.reader import read
from pcrl.engine.volumes.reading.scan import Scan

CTS = {
    "chest": sources.CHEST,
    "abdomen": sources.ABDOMEN,
    "another chest": sources.AORTA,
    "slab of an abdomen": sources.SLAB,
}
_FILM, _EXTENT = (160, 160), (400.0, 400.0)


def volumes(data: Path, files: Sequence[Path]) -> dict[str, Scan]:
    """Real volumes by name, upright."""
    paths = {name: sources.original(member, data) for name, member in CTS.items()}
    paths |= {"MR of an abdomen": sources.original(sources.MR, data)} | {file.name: file for file in files}
    return {name: read(path) for name, path in paths.items()}


def look(
    values: NDArray[np.float32], spacing: tuple[float, float, float], modality: str
) -> NDArray[np.uint8]:
    """The thumbnail of a volume, made as an ingest with the small recipe makes it."""
    grid = Grid(values.shape, spacing, (0.0, 0.0, 0.0))  # type: ignore[arg-type]
    stated = "mr" if modality == "mr" else "ct"
    return thumbnail(prepare(values, grid, load_recipe("cpu-3d").data, None, stated).stored)  # type: ignore[arg-type]


def film(scan: Scan, turn: float = 0.0) -> NDArray[np.float32]:
    """The frontal radiograph of a CT, 0 to 1; turned about the long axis by some degrees."""
    values = np.clip(scan.values, -1000, 2000).astype(np.float32)
    centre = tuple((n - 1) / 2 for n in values.shape)
    pose = Pose((turn, 0.0, 0.0))
    shown = radiograph(values, scan.grid.spacing, centre, pose, "frontal", _FILM, _EXTENT)  # type: ignore[arg-type]
    return shown.astype(np.float32) / 255


def virtual(count: int) -> list[NDArray[np.float32]]:
    """Virtual patients, in HU."""
    return [virtual_patient(seed)[0].astype(np.float32) for seed in range(count)]


__all__ = ["CTS", "SPACING", "film", "look", "virtual", "volumes"]
