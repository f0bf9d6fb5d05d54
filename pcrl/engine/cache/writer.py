"""The one writer of a data set: what others left is cleared, and no write can end elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcrl.engine.cache.changes import finish_changes
from pcrl.engine.cache.guard.walk import clear_left, refuse_links, refuse_links_at
from pcrl.engine.cache.lock import locked, wait_for_workers
from pcrl.engine.cache.volumes.records import CASES


@contextmanager
def writing(folder: Path, mending: bool = False) -> Iterator[None]:
    """Hold the lock of the data set in `folder`, new or not.

    What killed writers left is removed, and what they were changing is brought to rest, before the block begins.

    Args:
        mending: the block deals with links itself.

    Raises:
        CacheError: another process is writing to it; there is a link in it, by which a write could end elsewhere.
    """
    refuse_links_at(folder)
    with locked(folder):
        wait_for_workers(folder)
        clear_left(folder)
        finish_changes(folder / CASES)
        if not mending:
            refuse_links(folder)
        yield
