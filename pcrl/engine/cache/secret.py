"""Whether a cache names patients with the secret that is used now."""

from __future__ import annotations

from pathlib import Path

from pcrl.datasets.case import Dataset
from pcrl.datasets.image import ImageDataset
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.images.dataset import IMAGE_SET_RECORD, ImageSetRecord
from pcrl.engine.cache.volumes.records import DATASET_RECORD, DatasetRecord


def check_secret(now: str, before: str, folder: Path) -> None:
    """Refuse to go on with a data set whose patients were named with another secret.

    Args:
        now, before: digests; empty if no patient is named with one.

    Raises:
        CacheError: they differ.
    """
    if now and before and now != before:
        raise CacheError(
            f"{folder}: its patients were named with another secret (digest {before}, now {now}): each would have "
            "another name, and may be on another side of the split. Give the same secret in ~/.config/pcrl/secret or "
            "$PCRL_SECRET, or ingest into a new cache"
        )


def other_secrets(cache: Path, listed: Dataset | ImageDataset) -> list[str]:
    """Notes on the other data sets of a cache whose patients are named with another secret."""
    if not listed.secret:
        return []
    different = []
    for path in sorted([*cache.glob(f"*/{DATASET_RECORD}"), *cache.glob(f"*/{IMAGE_SET_RECORD}")]):
        if path.parent.name == listed.name:
            continue
        try:
            stored = _secret_of(path)
        except CacheError:
            continue  # Whoever opens that data set is told.
        if stored not in ("", listed.secret):
            different.append(path.parent.name)
    if not different:
        return []
    note = (
        f"patients of {', '.join(different)} in this cache are named with another secret: a person there and in "
        f"{listed.name} is not recognised, and may be on both sides of the split"
    )
    return [note]


def _secret_of(path: Path) -> str:
    if path.name == DATASET_RECORD:
        return read_record(DatasetRecord, path).secret
    return read_record(ImageSetRecord, path).secret
