"""Whether the disk has room for what an ingest would write."""

from __future__ import annotations

import shutil
from pathlib import Path

from pcrl.engine.cache.format import CacheError


def check_space(folder: Path, needed: int, coarser: str) -> None:
    """Refuse to start what cannot fit.

    Args:
        folder: to be written to; need not exist.
        needed: estimated bytes.
        coarser: which setting would need less, in words.

    Raises:
        CacheError: less free space than the estimate.
    """
    where = folder
    while not where.exists():
        where = where.parent
    free = shutil.disk_usage(where).free
    if needed > free:
        raise CacheError(
            f"{folder} would need about {needed / 1e9:.3g} GB, {free / 1e9:.3g} GB are free: free some space, choose "
            f"another --cache, {coarser} in the recipe, or the codec zstd"
        )
