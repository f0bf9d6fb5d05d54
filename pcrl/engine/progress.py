"""What an ingest tells while it works, and what it returns: the same for volumes and for images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pcrl.notes import log_note
from pcrl.workers.limits import Limits


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """What an ingest is about to do.

    Args:
        dataset: its name in the cache.
        unit: what is counted.
        todo: how many of them have to be read; `work` says it in words.
        already_cached: how many are in the cache, unchanged.
        recipe: its name, and what it makes of a file, in words.
        tables: names of tables of the data set that are copied.
        seconds, bytes: estimates.
        limits: of each worker.
    """

    dataset: str
    unit: Literal["cases", "images"]
    todo: int
    work: str
    already_cached: int
    recipe: str
    tables: tuple[str, ...]
    workers: int
    seconds: float
    bytes: int
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ProcessedItem:
    """One case or image that was read: what a user should know about it; `error` is empty if it is in the cache."""

    name: str
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The outcome of an ingest.

    Args:
        dataset: its name in the cache.
        folder: of the data set, in the cache.
        already_cached: cases or images that were in the cache before, unchanged.
        done: what this ingest went through, in the order in which it was finished: `stored` and `failed`.
        tables: names of tables that were copied.
        also: of a folder of which both kinds were taken, the report of the radiographs; this is that of the volumes.
    """

    dataset: str
    folder: Path
    unit: Literal["cases", "images"]
    already_cached: int
    done: tuple[ProcessedItem, ...]
    tables: tuple[str, ...] = ()
    also: IngestReport | None = None

    @property
    def stored(self) -> tuple[ProcessedItem, ...]:
        """What was read, and is in the cache now."""
        return tuple(one for one in self.done if not one.error)

    @property
    def failed(self) -> tuple[ProcessedItem, ...]:
        """What is not in the cache, and why."""
        return tuple(one for one in self.done if one.error)


class Progress:
    """Is told how an ingest gets on. Logs notes, and does nothing else: override what should be shown."""

    def note(self, text: str) -> None:
        """What a user should know about the data set; logged, unless it is shown otherwise."""
        log_note(text)

    def planned(self, plan: PlannedWork) -> None:
        """Names and tables were read and compared with the cache; the work begins."""

    def done(self, one: ProcessedItem) -> None:
        """A case or an image is in the cache, or could not be read."""

    def finished(self, report: IngestReport) -> None:
        """Nothing is left to do."""
