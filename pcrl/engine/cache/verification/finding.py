"""What a verification finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a data set that was looked at, and what is wrong with it.

    Args:
        name: of a file or a case, as a path below the folder of the data set.
        faults: one line each; none if it is as it was written.
        cases, images: in it.
        missing: cases or images that were never ingested.
        note: what a user should know though it is no fault.
        discard: takes it out of the cache, so that the next ingest makes it anew; what is not pcrl's goes into
            `lost+found`. The caller holds the data set's lock.
    """

    name: str
    faults: tuple[str, ...] = ()
    cases: int = 0
    images: int = 0
    missing: int = 0
    note: str = ""
    discard: Callable[[], None] = _nothing
