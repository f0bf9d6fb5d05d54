"""One case: read, prepare, write aside, commit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Data, Modality
from pcrl.datasets.case import Case
from pcrl.datasets.names import printable
from pcrl.datasets.plain import plain_path
from pcrl.engine.cache.chunks.frames import encode
from pcrl.engine.cache.commit import commit, forget
from pcrl.engine.cache.format import FORMAT, read_record
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    CaseRecord,
    LabelRecord,
    SourceFile,
    StoredIntensity,
)
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.errors import ReadError
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.ingest.masks import is_segmentation, is_two_valued
from pcrl.engine.volumes.prepare import Prepared, ScanError, prepare, resample_label
from pcrl.engine.volumes.reading.reader import read
from pcrl.engine.volumes.reading.scan import Scan
from pcrl.files import dumps, new_folder


class IngestError(ValueError):
    """A case that cannot go into the cache; the message names the file and the reason."""


def ingest_scan(
    case: Case,
    folder: Path,
    store: Store,
    data: Data,
    forced: Modality | None,
    sources: Mapping[str, SourceFile],
) -> list[str]:
    """Read and store the scan of a case, and its label if it has one; replaces what is there.

    Returns:
        What a user should know about it.
    """
    scans = [_read(path) for path in case.channels]
    grid = scans[0].grid
    for path, scan in zip(case.channels[1:], scans[1:], strict=True):
        if not scan.grid.matches(grid):
            raise IngestError(
                f"{path}: {_difference(scan.grid, grid, case.channels[0].name)}: channels of a case must be on "
                "one grid; resample it, or give the right file"
            )
    channels = [
        _prepare(replace(scan, grid=grid), path, case, data, forced)
        for scan, path in zip(scans, case.channels, strict=True)
    ]
    first = channels[0]
    for path, channel in zip(case.channels[1:], channels[1:], strict=True):
        if channel.modality != first.modality:
            raise IngestError(
                f"{path}: looks like {channel.modality}, {case.channels[0].name} like {first.modality}"
            )
    label, label_error = None, ""
    if case.label:
        try:
            label = _read_label(case, grid)
        except IngestError as error:
            label_error = str(error)
    # Of one channel, no copy.
    stored = first.stored[None] if len(channels) == 1 else np.stack([c.stored for c in channels])
    intensities = tuple(
        StoredIntensity(**{f: getattr(c.intensity, f) for f in StoredIntensity.model_fields})
        for c in channels
    )
    notes = [note for scan in scans for note in scan.notes] + [note for c in channels for note in c.notes]
    record = CaseRecord(
        format=FORMAT,
        name=case.name,
        modality=first.modality,
        grid=first.grid,
        original_grid=grid,
        intensities=intensities,
        pixels=hashlib.sha256(stored.data).hexdigest(),
        sources=tuple(sources[str(path)] for path in case.channels),
        settings=data,
        forced_modality=forced,
        notes=tuple(notes),
    )
    with new_folder(folder) as partial:
        attributes = {"modality": first.modality, "air": [i.air for i in intensities]} | {
            f"rescale_{f}": [getattr(i, f) for i in intensities] for f in ("slope", "intercept")
        }
        frames = encode(stored, data.chunk, data.codec, fill=intensities[0].air)
        store.write_image(partial, case.name, frames, first.grid, attributes)
        np.save(partial / OCCUPANCY, np.stack([channel.occupancy for channel in channels]))
        (partial / CASE_RECORD).write_text(dumps(record), encoding="utf-8")
        if label is not None and case.label is not None:
            notes += _write_label(partial, store, label, sources[str(case.label)], data)
        store.check(partial, labelled=label is not None)
        commit(partial)
    if label_error:
        raise IngestError(f"{label_error}; the scan is in the cache, without a label")
    return notes


def ingest_label(
    case: Case, folder: Path, store: Store, data: Data, sources: Mapping[str, SourceFile]
) -> list[str]:
    """Store the label of a case whose scan is there already, without reading that again."""
    assert case.label is not None
    label = _read_label(case, read_record(CaseRecord, folder / CASE_RECORD).original_grid)
    remove_label(folder, store)
    notes = _write_label(folder, store, label, sources[str(case.label)], data)
    store.check(folder, labelled=True)
    commit(folder)
    return notes


def remove_label(folder: Path, store: Store) -> list[str]:
    """Take the label of a case out of the cache; the scan stays."""
    for name in (LABEL_RECORD, store.labels):
        forget(folder, name)
    return []


def _write_label(folder: Path, store: Store, label: Scan, source: SourceFile, data: Data) -> list[str]:
    values = label.values
    resampled = resample_label(values, label.grid, data)
    frames, original = (encode(array, data.chunk, data.codec, fill=0) for array in (resampled, values))
    store.write_labels(folder, frames, label.grid.with_spacing(data.spacing), original, label.grid)
    occurring = tuple(int(v) for v in np.unique(values))
    lost = sorted(set(occurring) - {int(v) for v in np.unique(resampled)})
    notes = [f"label {value} vanishes on the grid of the cache: too small" for value in lost]
    record = LabelRecord(source=source, grid=label.grid, values=occurring, notes=(*label.notes, *notes))
    (folder / LABEL_RECORD).write_text(dumps(record), encoding="utf-8")
    return list(record.notes)


def _read(path: Path) -> Scan:
    with plain_path(path) as plain:
        try:
            scan = read(plain)
        except ReadError as error:
            raise IngestError(str(error).replace(str(plain), printable(str(path)))) from error
    return replace(scan, notes=tuple(printable(note.replace(str(plain), str(path))) for note in scan.notes))


def _prepare(scan: Scan, path: Path, case: Case, data: Data, forced: Modality | None) -> Prepared:
    if scan.modality and case.modality and scan.modality != case.modality:
        raise IngestError(f"{path}: DICOM says {scan.modality}, the data set says {case.modality}")
    if scan.modality is None and case.modality is None:
        _refuse_segmentation(scan, path, forced)
    try:
        return prepare(scan.values, scan.grid, data, scan.modality or case.modality, forced)
    except ScanError as error:
        raise IngestError(f"{path}: {error}") from error


def _refuse_segmentation(scan: Scan, path: Path, forced: Modality | None) -> None:
    """Raise `IngestError` if nothing says that a volume is a scan, and its values are those of a segmentation."""
    if is_two_valued(scan.values) or (forced is None and is_segmentation(scan.values)):
        raise IngestError(
            f"{path}: holds areas of one whole number each, up to {scan.values.max():g}: it is a segmentation, not a "
            "scan. Call it SCAN_seg beside its scan, so that it becomes its label, or take it out of the folder"
        )


def _read_label(case: Case, grid: Grid) -> Scan:
    assert case.label is not None
    label = _read(case.label)
    if label.grid.shape != grid.shape:
        raise IngestError(
            f"{case.label}: the label has {_size(label.grid)} voxels, its scan {_size(grid)} (z, y, x): "
            "resample the label to its scan, or give the right pair"
        )
    if not label.grid.matches(grid):
        raise IngestError(
            f"{case.label}: the label lies elsewhere than its scan: {_places(label.grid, grid)}"
        )
    # On the grid of the scan to the last digit, so that both come to as many voxels.
    return replace(label, grid=grid, values=_smallest_integers(label.values, case.label))


def _smallest_integers(values: NDArray[Any], path: Path) -> NDArray[Any]:
    whole = np.rint(values)
    if values.dtype.kind == "f" and not np.array_equal(whole, values):
        raise IngestError(
            f"{path}: the label holds values that are not whole numbers: it is a probability or a scan"
        )
    low, high = int(whole.min()), int(whole.max())
    if low < 0 or high > 65535:
        raise IngestError(f"{path}: the label holds values from {low} to {high}; expected 0 to 65535")
    integers: NDArray[Any] = whole.astype(np.uint8 if high <= 255 else np.uint16)
    return integers


def _difference(grid: Grid, other: Grid, name: str) -> str:
    if grid.shape != other.shape:
        return f"it has {_size(grid)} voxels, {name} {_size(other)} (z, y, x)"
    return f"it lies elsewhere than {name}: {_places(grid, other)}"


def _places(grid: Grid, other: Grid) -> str:
    """Two places of equally many voxels; directions are told only where nothing else differs."""
    if (grid.origin, grid.spacing) == (other.origin, other.spacing):
        return f"directions {grid.direction} and {other.direction}"
    return (
        f"origin {_mm(grid.origin)} and spacing {_mm(grid.spacing)} against {_mm(other.origin)} and "
        f"{_mm(other.spacing)} mm (z, y, x)"
    )


def _size(grid: Grid) -> str:
    return "×".join(str(n) for n in grid.shape)


def _mm(vector: tuple[float, float, float]) -> str:
    return "(" + ", ".join(f"{v:.1f}" for v in vector) + ")"
