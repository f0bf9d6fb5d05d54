"""Output of the commands: one console, one style for tables, progress and errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

# In a log file lines are as long as they need to be; tables get room.
_width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 140
# Names of files and cases may hold brackets: nothing that is printed is markup.
console = Console(highlight=False, soft_wrap=True, width=_width, markup=False, emoji=False)
_STYLES = {"note": "yellow", "missing": "yellow", "failed": "red", "damaged": "red"}


class RateColumn(ProgressColumn):
    """Finished units a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """The rate of a task, or a dash as long as it is not known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} {self.unit}/s" if speed else f"– {self.unit}/s")


def progress(unit: str) -> Progress:
    """A progress bar with count, rate and time left."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        RateColumn(unit),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console,
    )


def tell_note(text: str) -> None:
    """Say what a user should know, though it stops nothing."""
    tell("note", text)


def tell(kind: str, text: str) -> None:
    """A line that begins with what it is: `note`, `missing`, `failed` or `damaged`."""
    console.print(Text.assemble((kind, _STYLES[kind]), " ", text))


def never_fail_to_print() -> None:
    """Let letters that the terminal, or the file that is written to, cannot show come out as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def note_slow_reading() -> None:
    """Say so if the cache can be read the slow way only."""
    from pcrl.kernels.chunks.blosc import AVAILABLE

    if not AVAILABLE:
        tell_note(
            "the C library of the package blosc2 was not found: chunks are decompressed through numcodecs, about "
            "twice as slowly and one thread at a time. Try: pip install --force-reinstall blosc2"
        )


@contextmanager
def user_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Show these errors as one message and exit with 1, instead of a traceback."""
    try:
        yield
    except kinds as error:
        from pcrl.datasets.names import printable

        # Lines stay; bytes in names that are no text come out as people know them.
        message = "\n".join(printable(line) for line in str(error).splitlines())
        raise click.ClickException(message) from error


def duration(seconds: float) -> str:
    """A length of time as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"
