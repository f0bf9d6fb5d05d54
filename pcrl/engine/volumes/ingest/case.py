"""One case: read, prepare, write aside, commit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pcrl.config import Data, Modality
from pcrl.datasets.case import Case
from pcrl.datasets.names import printable
from pcrl.engine.cache.changes import changing
from pcrl.engine.cache.chunks.frames import encode
from pcrl.engine.cache.commit import commit
from pcrl.engine.cache.format import format_of, read_record
from pcrl.engine.cache.volumes.records import (
    CASE_RECORD,
    LABEL_RECORD,
    OCCUPANCY,
    THUMBNAILS,
    CaseRecord,
    LabelRecord,
    SourceFile,
    StoredIntensity,
)
from pcrl.engine.cache.volumes.store import Store
from pcrl.engine.cache.volumes.strangers import put_strangers_aside
from pcrl.engine.errors import ReadError, ScanError
from pcrl.engine.fingerprints.digests import digest_of_values
from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.engine.volumes.ingest.errors import IngestError
from pcrl.engine.volumes.ingest.label import read_label
from pcrl.engine.volumes.ingest.masks import is_segmentation, is_two_valued
from pcrl.engine.volumes.prepare import Prepared, prepare, resample_label
from pcrl.engine.volumes.reading.channels import read_channels
from pcrl.engine.volumes.reading.scan import Scan
from pcrl.files import new_folder, save_record


def ingest_scan(
    case: Case,
    folder: Path,
    store: Store,
    data: Data,
    forced: Modality | None,
    sources: Mapping[str, SourceFile],
    trust_label: bool = False,
) -> list[str]:
    """Read and store the scan of a case, and its label if it has one; replaces what is there.

    Args:
        trust_label: a label that its header puts elsewhere is laid onto the scan voxel by voxel.

    Returns:
        What a user should know about it.
    """
    try:
        scans = [_printable(scan) for scan in read_channels(case.channels, case.stack)]
    except ReadError as error:
        raise IngestError(printable(str(error))) from error
    grid = scans[0].grid
    channels = [
        _prepare(scan, path, case, data, forced) for scan, path in zip(scans, case.channels, strict=True)
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
            label = read_label(case, grid, trust_label)
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
        format=format_of(first.modality),
        name=case.name,
        modality=first.modality,
        grid=first.grid,
        original_grid=grid,
        intensities=intensities,
        pixels=hashlib.sha256(stored.data).hexdigest(),
        voxels=tuple(digest_of_values(scan.values) for scan in scans),
        sources=tuple(sources[str(path)] for path in case.channels),
        settings=data,
        forced_modality=forced,
        notes=tuple(notes),
        age=None if case.stack is None else case.stack.about.age,
        sex="" if case.stack is None else case.stack.about.sex,
    )
    put_strangers_aside(folder)
    with new_folder(folder) as partial:
        attributes = {"modality": first.modality, "air": [i.air for i in intensities]} | {
            f"rescale_{f}": [getattr(i, f) for i in intensities] for f in ("slope", "intercept")
        }
        frames = encode(stored, data.chunk, data.codec, fill=intensities[0].air)
        store.write_image(partial, case.name, frames, first.grid, attributes)
        np.save(partial / OCCUPANCY, np.stack([channel.occupancy for channel in channels]))
        np.save(partial / THUMBNAILS, np.stack([thumbnail(channel.stored) for channel in channels]))
        save_record(record, partial / CASE_RECORD)
        if label is not None and case.label is not None:
            notes += _write_label(partial, store, label, sources[str(case.label)], data)
        store.check(partial, labelled=label is not None)
        commit(partial)
    if label_error:
        raise IngestError(f"{label_error}; the scan is in the cache, without a label")
    return notes


def ingest_label(
    case: Case,
    folder: Path,
    store: Store,
    data: Data,
    sources: Mapping[str, SourceFile],
    trust_label: bool = False,
) -> list[str]:
    """Store the label of a case whose scan is there already, without reading that again."""
    assert case.label is not None
    label = read_label(case, read_record(CaseRecord, folder / CASE_RECORD).original_grid, trust_label)
    put_strangers_aside(folder)
    with changing(folder, (LABEL_RECORD, *store.label_files)):
        notes = _write_label(folder, store, label, sources[str(case.label)], data)
        store.check(folder, labelled=True)
    return notes


def remove_label(folder: Path, store: Store) -> list[str]:
    """Take the label of a case out of the cache; the scan stays."""
    with changing(folder, (LABEL_RECORD, *store.label_files)):
        pass
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
    save_record(record, folder / LABEL_RECORD)
    return list(record.notes)


def _printable(scan: Scan) -> Scan:
    return replace(scan, notes=tuple(printable(note) for note in scan.notes))


def _prepare(scan: Scan, path: Path, case: Case, data: Data, forced: Modality | None) -> Prepared:
    if scan.modality and case.modality and scan.modality != case.modality:
        raise IngestError(f"{path}: DICOM says {scan.modality}, the data set says {case.modality}")
    # The user knows better than a layout, whose data sets are of one modality by name only.
    stated = scan.modality or (case.modality if forced is None else None)
    if scan.modality is None and case.modality is None:
        _refuse_segmentation(scan, path, forced)
    try:
        return prepare(scan.values, scan.grid, data, stated, forced)
    except ScanError as error:
        raise IngestError(f"{path}: {error}") from error


def _refuse_segmentation(scan: Scan, path: Path, forced: Modality | None) -> None:
    """Raise `IngestError` if nothing says that a volume is a scan, and its values are those of a segmentation."""
    if is_two_valued(scan.values) or (forced is None and is_segmentation(scan.values)):
        raise IngestError(
            f"{path}: holds areas of one whole number each, up to {scan.values.max():g}: it is a segmentation, not a "
            "scan. Call it SCAN_seg beside its scan, so that it becomes its label, or take it out of the folder"
        )
