"""`pcrl predict`: what a trained network says of scans and radiographs that are in no cache."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import console, progress, user_errors
from .device import DEVICE, device_named
from .new_folder import require_new

if TYPE_CHECKING:
    from pcrl.datasets.case import Case
    from pcrl.evaluation.predict.trained import Trained

TASKS = ("lits", "brats", "luna", "segmentation", "chexpert", "chestxray", "classification")
TABLE = "probabilities.csv"


@click.command()
@click.argument("task", type=click.Choice(TASKS))
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--run",
    "trained",
    required=True,
    type=click.Path(path_type=Path),
    help="An evaluation's folder (its first arm is taken), or one of its runs/ARM-seedN.",
)
@click.option(
    "--candidates",
    type=click.Path(path_type=Path),
    help="Of luna: a table seriesuid,coordX,coordY,coordZ; a scan is named by its seriesuid.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="New folder for what is predicted."
)
@DEVICE
def predict(
    task: str, inputs: tuple[Path, ...], trained: Path, candidates: Path | None, out: Path, device: str
) -> None:
    """Ask a fine-tuned network about new scans or radiographs.

    Segmentations are written as NIfTI in each input's own grid, spacing and orientation; probabilities as one CSV.
    Inputs are files, DICOM series, and folders of them; for brats, folders of its cases.

    \b
    Examples:
      pcrl predict lits --run evaluations/lits-20261125-120000 scan.nii.gz ~/dicom/series3 --out masks
      pcrl predict luna --run evaluations/luna-20261125-120000 --candidates candidates.csv scans --out scores
      pcrl predict chexpert --run evaluations/chexpert-20261125-130000 ~/radiographs --out scores
    """
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.evaluation.predict.trained import open_trained
    from pcrl.evaluation.records.errors import ProtocolError

    if (candidates is None) == (task == "luna"):
        raise click.UsageError("luna needs --candidates" if task == "luna" else f"{task} has no --candidates")
    require_new(out)
    with user_errors(ProtocolError, LayoutError, RecipeError):
        where = device_named(device)
        opened = open_trained(trained, task)
        console.print(f"Network: {opened.folder}")
        if candidates is not None:
            failed = _candidates(opened, inputs, candidates, out, where)
        elif opened.kind == "segmentation":
            failed = _volumes(opened, inputs, out, where)
        else:
            failed = _images(opened, inputs, out, where)
    if failed:
        others = f"the others are in {out}" if out.exists() else "there is no other"
        raise click.ClickException(f"{failed} of the inputs could not be predicted; {others}")


def _volumes(opened: Trained, inputs: Sequence[Path], out: Path, where: Any) -> int:
    from pcrl.engine.errors import ReadError
    from pcrl.engine.volumes.prepare import ScanError
    from pcrl.evaluation.predict.inputs import volumes
    from pcrl.evaluation.tasks.segmentation.predictor import VolumePredictor

    predictor = VolumePredictor(opened, where)
    cases, notes = volumes(inputs, opened.task, predictor.channels)
    _say(notes)

    def ask(case: Case) -> str:
        path = out / f"{case.name}.nii.gz"
        voxels = predictor.predict(case, path)
        return f"{path}: " + ", ".join(f"{name} {count:,} voxels" for name, count in voxels.items())

    return _each(cases, ask, (ReadError, ScanError))


def _candidates(opened: Trained, inputs: Sequence[Path], candidates: Path, out: Path, where: Any) -> int:
    from pcrl.engine.errors import ReadError
    from pcrl.engine.volumes.prepare import ScanError
    from pcrl.evaluation.predict.inputs import volumes
    from pcrl.evaluation.tasks.candidates.predictor import HEAD, CandidatePredictor

    cases, notes = volumes(inputs, opened.task, 1)
    _say(notes)
    predictor = CandidatePredictor(opened, candidates, [case.name for case in cases], where)
    rows: list[list[object]] = []

    def ask(case: Case) -> str:
        found = predictor.predict(case)
        rows.extend(found)
        return f"{case.channels[0]}: {len(found)} candidates"

    failed = _each(cases, ask, (ReadError, ScanError))
    _write(out, [list(HEAD), *rows])
    return failed


def _images(opened: Trained, inputs: Sequence[Path], out: Path, where: Any) -> int:
    from pcrl.engine.errors import ReadError
    from pcrl.evaluation.predict.inputs import radiographs
    from pcrl.evaluation.tasks.classification.predictor import ImagePredictor

    predictor = ImagePredictor(opened, where)
    rows: list[list[object]] = []

    def ask(path: Path) -> None:
        rows.append([path, *(f"{value:.6g}" for value in predictor.predict(path))])

    failed = _each(radiographs(inputs), ask, (ReadError,))
    _write(out, [["image", *predictor.labels], *rows])
    return failed


def _say(notes: Sequence[str]) -> None:
    for note in notes:
        console.print(f"[yellow]note[/] {note}")


def _write(out: Path, rows: list[list[object]]) -> None:
    from pcrl.files import new_file

    out.mkdir(parents=True, exist_ok=True)
    with new_file(out / TABLE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    console.print(f"Written: {out / TABLE}, {len(rows) - 1} rows.")


def _each(items: Sequence[Any], ask: Callable[[Any], str | None], errors: tuple[type[Exception], ...]) -> int:
    """Ask about one after the other; how many could not be read, each of which is named."""
    failed = 0
    with progress("cases") as bar:
        line = bar.add_task("predicting", total=len(items))
        for item in items:
            try:
                if said := ask(item):
                    console.print(said)
            except errors as error:
                failed += 1
                console.print(f"[red]failed[/] {error}")
            bar.update(line, advance=1)
    return failed
