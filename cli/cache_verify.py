"""What `pcrl cache verify` does with each data set: check, tell, count, take out."""

from __future__ import annotations

from pathlib import Path

from .console import progress, tell


class Verification:
    """Data sets that are verified one after the other.

    Args:
        discarding: what is damaged is taken out; the caller holds the locks.
    """

    def __init__(self, discarding: bool) -> None:
        self.discarding = discarding
        self.cases = self.images = self.damaged = self.missing = 0
        self.units: list[str] = []

    def of(self, folder: Path) -> None:
        """Verify the data set in `folder`."""
        from pcrl.engine.cache.verification.folders import is_of_images, parts_of
        from pcrl.engine.cache.verification.verify import verify_dataset

        unit = "shards" if is_of_images(folder) else "cases"
        word = "images" if is_of_images(folder) else "cases"
        self.units += [] if word in self.units else [word]
        with progress(unit) as bar:
            line = bar.add_task(folder.name, total=parts_of(folder))
            for finding in verify_dataset(folder):
                name = "/".join(filter(None, (folder.name, finding.name)))
                self.cases += finding.cases
                self.images += finding.images
                self.missing += finding.missing
                bar.advance(line, bool(finding.cases or finding.images))
                if finding.note:
                    tell("note", f"{name}: {finding.note}")
                for fault in finding.faults:
                    tell("missing" if finding.missing else "damaged", f"{name}: {fault}")
                if finding.faults and not finding.missing:
                    self.damaged += 1
                    if self.discarding:
                        finding.discard()

    def in_words(self) -> str:
        """How much was checked, and what was found."""
        unit = " and ".join(sorted(self.units))
        return f"{self.cases + self.images} {unit} checked, {self.damaged} damaged, {self.missing} never ingested"
