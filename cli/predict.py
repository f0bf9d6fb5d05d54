"""`pcrl predict`: predictions for scans and radiographs that are in no cache."""

from __future__ import annotations

from pathlib import Path

import click

from pcrl.evaluation.tasks.registry import TASKS

from .console import console, user_errors
from .device import DEVICE


@click.command()
@click.argument("task", type=click.Choice(list(TASKS)))
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--run",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of an evaluation, whose first arm is used, or one of its runs/ARM-seedN.",
)
@click.option(
    "--candidates",
    type=click.Path(path_type=Path),
    help=(
        "For luna: CSV of candidates with columns seriesuid,coordX,coordY,coordZ; each scan is named by its "
        "seriesuid."
    ),
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the predictions.")
@click.option(
    "--memory",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    help="Memory that reading an input may take; one that takes more is named.  [default: 80 % of what is free]",
)
@click.option(
    "--deadline",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Time that reading an input may take before it is given up, and named.  [default: 1800]",
)
@DEVICE
def predict(
    task: str,
    inputs: tuple[Path, ...],
    run: Path,
    candidates: Path | None,
    out: Path,
    memory: float | None,
    deadline: float | None,
    device: str,
) -> None:
    """Predict new scans or radiographs with a fine-tuned network.

    Segmentations are written as NIfTI in each input's own grid, spacing and orientation; probabilities as one CSV.
    Inputs are files, DICOM series, and folders of them; for brats, folders of its cases.

    \b
    Examples:
      pcrl predict lits --run evaluations/lits-20261125-120000 scan.nii.gz ~/dicom/series3 --out masks
      pcrl predict luna --run evaluations/luna-20261125-120000 --candidates candidates.csv scans --out scores
      pcrl predict chexpert --run evaluations/chexpert-20261125-130000 ~/radiographs --out scores
    """
    needs_candidates = TASKS[task].kind == "candidates"
    if (candidates is None) == needs_candidates:
        raise click.UsageError(
            f"{task} needs --candidates" if needs_candidates else f"{task} has no --candidates"
        )
    from pcrl.config import RecipeError
    from pcrl.datasets.case import LayoutError
    from pcrl.evaluation.predict.predict import predict as carried_out
    from pcrl.evaluation.records.errors import ProtocolError
    from pcrl.models.device import DeviceError

    from .predict_progress import PredictionDisplay

    with user_errors(ProtocolError, LayoutError, RecipeError, DeviceError), PredictionDisplay() as progress:
        predicted = carried_out(
            task,
            inputs,
            run=run,
            out=out,
            candidates=candidates,
            device=device,
            memory=memory,
            deadline=deadline,
            progress=progress,
        )
    if predicted.table:
        console.print(f"Written: {predicted.table}, {predicted.rows} rows.")
    if predicted.failed:
        others = f"the predictions of the others are in {out}" if out.exists() else "nothing was written"
        raise click.ClickException(f"{len(predicted.failed)} of the inputs could not be predicted; {others}")
