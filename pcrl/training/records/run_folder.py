"""What a run leaves on disk beside its checkpoints: what it is, what it saw, how it went."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from pcrl.config import Recipe, RecipeError, recipe_from
from pcrl.engine.fingerprints.fingerprints import Collection, FingerprintError, Fingerprints, joined
from pcrl.engine.selection.selection import Selection
from pcrl.files import Record, RecordError, load_record, save_record
from pcrl.training.records.versions import versions

RUN, SEEN, FINISHED = "run.json", "seen.npz", "finished.json"
CHECKPOINTS, PICTURES = "checkpoints", "pictures"


class RunError(RuntimeError):
    """A run folder that cannot be used so; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What `run.json` says: the recipe, where the weights come from, and everything that they have seen.

    Args:
        start: the weights before the first step, in words.
        start_known: whether it is known what those had seen; not so for imported weights, ImageNet's excepted.
        folder: of the run.
        patients: seen in this run and in those that it started from; all else that is known of these is in `seen`.
        pixels: digests of stored pixels, which runs of earlier versions have instead of `seen`.
        every_weight: decay and momentum reach every weight at every step. Not so in runs of the first versions, where
            heads that a step did not draw stayed as they were.
    """

    folder: Path
    recipe: Recipe
    start: str
    start_known: bool
    identity: str
    datasets: tuple[str, ...]
    patients: tuple[str, ...]
    pixels: tuple[str, ...] | None
    every_weight: bool = True

    def seen(self) -> Fingerprints:
        """Every scan that this run and those that it started from have seen.

        Raises:
            RunError: the file of fingerprints is missing or damaged.
        """
        path = self.folder / SEEN
        if not path.exists() and self.pixels is not None:
            return _of_pixels(self.pixels, str(self.folder))
        try:
            return Fingerprints.load(path)
        except FingerprintError as error:
            raise RunError(
                f"{error}; without it nobody can tell which scans {self.folder} has seen"
            ) from error


class Totals(Record):
    """What `finished.json` holds: steps done, and samples for which the best of the allowed draws was taken."""

    steps: int
    fallbacks: int


class _Content(Record):
    """What `run.json` holds; that of earlier versions lacks some of it. See `RunRecord`."""

    recipe: dict[str, Any]
    start: str
    start_known: bool
    cache_identity: str
    datasets: tuple[str, ...]
    cases: tuple[str, ...] = ()
    patients: tuple[str, ...]
    pixels: tuple[str, ...] | None = None
    every_weight: bool = False
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """The weights before the first step: in words, and the run that they are of, if they are of one.

    Args:
        no_patients: not fresh, but trained on something that holds no patient, such as ImageNet.
    """

    words: str
    fresh: bool
    run: RunRecord | None = None
    no_patients: bool = False


def require_none(out: Path) -> None:
    """Refuse a folder that holds a run: nothing is overwritten.

    Raises:
        RunError: it does, or is a file.
    """
    if out.is_file():
        raise RunError(f"{out} is a file: give a folder as --out")
    if (out / RUN).exists():
        raise RunError(f"{out} holds a run already: continue it (--resume), or give another --out")


def create(out: Path, recipe: Recipe, selection: Selection, start: Start) -> None:
    """Make the folder of a new run.

    Raises:
        RunError: there is one already.
    """
    require_none(out)
    out.mkdir(parents=True, exist_ok=True)
    before = start.run
    seen = selection.seen()
    everything = joined([seen.scans, before.seen()] if before else [seen.scans])
    patients = {*seen.scans.patients, *(before.patients if before else ())}
    content = _Content(
        recipe=recipe.model_dump(mode="json"),
        start=start.words,
        start_known=start.fresh or start.no_patients or (before is not None and before.start_known),
        cache_identity=selection.identity(),
        datasets=tuple(sorted(seen.datasets)),
        cases=tuple(sorted(seen.scans.names)),
        patients=tuple(sorted(patients)),
        every_weight=True,
        versions=versions(),
        machine={"threads": torch.get_num_threads(), "platform": platform.platform()},
    )
    # Before the record, which makes a folder a run.
    everything.save(out / SEEN)
    save_record(content, out / RUN)


def read(out: Path) -> RunRecord:
    """What a run folder says of itself.

    Raises:
        RunError: no run there, or a damaged one.
    """
    try:
        content = load_record(_Content, out / RUN)
        return RunRecord(
            out,
            recipe_from(content.recipe),
            content.start,
            content.start_known,
            content.cache_identity,
            content.datasets,
            content.patients,
            content.pixels,
            content.every_weight,
        )
    except FileNotFoundError as error:
        raise RunError(f"{out} holds no run ({RUN} is missing)") from error
    except RecipeError as error:
        raise RunError(f"{out / RUN} has a recipe that this version of pcrl cannot use: {error}") from error
    except RecordError as error:
        raise RunError(str(error)) from error


def read_totals(out: Path) -> Totals:
    """What a finished run came to.

    Raises:
        RunError: damaged.
    """
    try:
        return load_record(Totals, out / FINISHED)
    except RecordError as error:
        raise RunError(f"{error}; without it the run goes on: remove it, and --resume") from error


def run_of(path: Path) -> Path | None:
    """The run folder that `path` is, or lies in; none if there is no run."""
    return next((folder for folder in (path, *path.parents) if (folder / RUN).is_file()), None)


def is_finished(out: Path) -> bool:
    """Whether a run came to its last epoch."""
    return (out / FINISHED).is_file()


def _of_pixels(pixels: Iterable[str], name: str) -> Fingerprints:
    """What runs of earlier versions say of the scans that they have seen, without saying which is which."""
    collection = Collection()
    collection.add(name, "", False, pixels, ())
    return collection.fingerprints()
