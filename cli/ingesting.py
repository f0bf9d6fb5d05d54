"""How an ingest is shown: the plan, a progress bar, failures, and the outcome."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.table import Table

from pcrl.engine.progress import Progress
from pcrl.listing import alike

from .console import console, duration, progress, tell, tell_note
from .next_step import next_step
from .summaries import image_summary

if TYPE_CHECKING:
    from pcrl.engine.progress import IngestReport, PlannedWork, ProcessedItem

SHOWN = 20
"""Images that failed, and kinds of notes on images, that are printed; the table and the records have all."""


class IngestDisplay(Progress):
    """Shows an ingest on the console. A context manager, so that an error finds the bar gone."""

    def __init__(self) -> None:
        self._status = console.status("reading names and tables, and comparing them with the cache")
        self._plan: PlannedWork | None = None
        self._count, self._failed = 0, 0

    def __enter__(self) -> IngestDisplay:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
        if self._plan is not None:
            self._bar.stop()
        if kind is KeyboardInterrupt:
            todo = f" of {self._plan.todo}" if self._plan else ""
            console.print(f"Stopped; {self._count}{todo} done. Run the same command again to continue.")
            raise SystemExit(130) from None

    def note(self, text: str) -> None:
        """A note about the data set."""
        tell_note(text)

    def planned(self, plan: PlannedWork) -> None:
        """Says what is about to be done, and starts the bar."""
        self._status.stop()
        self._bar = progress(plan.unit)
        self._plan = plan
        self._count = self._failed = 0
        if plan.unit == "cases" and not plan.todo:
            return
        seconds = plan.seconds
        console.print(
            f"{plan.dataset}: {plan.work}; {plan.already_cached} {plan.unit} are in the cache already. "
            f"Recipe {plan.recipe}."
        )
        if plan.todo:
            time = "less than a minute" if seconds < 60 else f"about {duration(seconds)}"
            workers = "1 worker" if plan.workers == 1 else f"{plan.workers} workers"
            size = (
                f"{plan.bytes / 1e9:.1f} GB" if plan.bytes >= 1e9 else f"{max(1, round(plan.bytes / 1e6))} MB"
            )
            each = "" if plan.workers == 1 else " each"
            memory = plan.limits.resident
            bound = f" of at most {memory / 1e9:.1f} GB of memory{each}" if memory is not None else ""
            console.print(f"With {workers}{bound} this takes {time} and at most {size} of disk.")
        if plan.tables:
            console.print(f"Tables to copy: {', '.join(plan.tables)}.")
        self._bar.start()
        self._line = self._bar.add_task("ingest", total=plan.todo)

    def done(self, one: ProcessedItem) -> None:
        """Moves the bar on, and names what failed."""
        self._count += 1
        self._bar.advance(self._line)
        if one.error:
            self._failed += 1
            self._tell("failed", one.name, one.error, self._failed)

    def finished(self, report: IngestReport) -> None:
        """Prints the outcome."""
        self._bar.stop()
        if report.unit == "images":
            self._report_images(report)
        elif report.done:
            self._report_cases(report)
        else:
            tables = f"copied {', '.join(report.tables)}" if report.tables else "nothing to do"
            cases = (
                "its 1 case is" if report.already_cached == 1 else f"all {report.already_cached} cases are"
            )
            console.print(f"{report.dataset}: {cases} in {report.folder.parent} already; {tables}.")

    def _report_cases(self, report: IngestReport) -> None:
        from pcrl.engine.cache.cache import Cache
        from pcrl.engine.cache.volumes.records import patients_in_words

        cache = report.folder.parent
        entries = Cache(cache).dataset(report.dataset).record.cases
        read = [entries[one.name] for one in report.done if not one.error]
        table = Table("outcome", "cases", "", title=f"{report.dataset} in {cache}", title_justify="left")
        table.add_row("done", str(len(read)), patients_in_words(read) if read else "")
        table.add_row("already there", str(report.already_cached), "")
        table.add_row("failed", str(len(report.failed)), "")
        console.print(table)
        ordered = sorted(report.done, key=lambda one: one.name)
        for line in alike((one.name, note) for one in ordered for note in one.notes):
            tell_note(line)
        for one in sorted(report.failed, key=lambda one: one.name):
            self._tell("failed", one.name, one.error, 0)
        if report.failed:
            console.print(
                "Cases that failed are not in the cache. Fix them and run the same command again; cases that "
                "are in the cache are skipped."
            )
        else:
            console.print(next_step(cache, report.dataset))

    def _report_images(self, report: IngestReport) -> None:
        from pcrl.engine.cache.images.dataset import CachedImages
        from pcrl.engine.cache.images.table import TABLE

        lines = alike(((one.name, note) for one in report.done for note in one.notes), "image")
        for line in lines[:SHOWN]:
            tell_note(line)
        if len(lines) > SHOWN:
            tell_note(
                f"… {len(lines) - SHOWN} more are not printed; records in {report.folder / 'shards'} have all"
            )
        console.print(image_summary(CachedImages.open(report.folder), report.folder.parent))
        failed = len(report.failed)
        console.print(
            f"Images read: {len(report.done) - failed}; failed: {failed}. Table: {report.folder / TABLE}"
        )
        if failed:
            console.print(
                "The table names each image that failed, and why; all others are in the cache. Fix them and run the "
                "same command again; images that are in the cache are skipped."
            )
        else:
            console.print(next_step(report.folder.parent, report.dataset))

    def _tell(self, kind: str, name: str, text: str, number: int) -> None:
        """One line; of images, whose table names all of them, no more than `SHOWN`."""
        if number <= SHOWN or (self._plan and self._plan.unit == "cases"):
            tell(kind, f"{name}: {text}")
        elif number == SHOWN + 1:
            tell(kind, "… further ones are not printed; the table has all of them")
