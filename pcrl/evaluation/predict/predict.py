"""Predicting new scans and radiographs with a fine-tuned network: what `pcrl predict` does, as one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pcrl.config import RecipeError
from pcrl.datasets.case import LayoutError
from pcrl.datasets.names import printable
from pcrl.disk import is_full
from pcrl.engine.errors import ReadError, ScanError
from pcrl.engine.reader import Reader
from pcrl.evaluation.predict.inputs import radiographs, volumes
from pcrl.evaluation.predict.trained import open_trained
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import REQUEST
from pcrl.evaluation.run.folders import require_empty
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.tasks.predictor import Inputs, Prediction, Predictor, Trained
from pcrl.evaluation.tasks.registry import entry_of, named
from pcrl.files import write_csv
from pcrl.listing import several
from pcrl.models.device import device_named
from pcrl.workers.limits import of_readers

TABLE = "probabilities.csv"


@dataclass(frozen=True, slots=True)
class Predicted:
    """The outcome of a prediction.

    Args:
        network: folder of the training whose network predicted.
        out: holds a file for each segmented scan, or `probabilities.csv`.
        table: that file; none where each prediction is a file of its own.
        rows: of the table.
        failed: why each input that could not be predicted could not.
    """

    network: Path
    out: Path
    table: Path | None
    rows: int
    failed: tuple[str, ...]


def predict(
    task: str,
    inputs: Sequence[str | Path],
    *,
    run: str | Path,
    out: str | Path,
    candidates: str | Path | None = None,
    device: str = "auto",
    memory: float | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> Predicted:
    """Predict scans or radiographs that are in no cache with a fine-tuned network.

    Segmentations are written as NIfTI in each input's own grid, spacing and orientation; probabilities as one CSV. An
    input that cannot be read, or that kills the process which reads it, is named, and the others are predicted. Files
    are read by a process of their own: a script calls this below `if __name__ == "__main__":`.

    Args:
        task: a name in `pcrl.evaluation.tasks.registry.TASKS`.
        inputs: files, DICOM series, and folders of them; of BraTS, folders of its cases.
        run: an evaluation's folder, whose first arm is taken, or one of its `runs/ARM-seedN`.
        out: new folder.
        candidates: of LUNA16, a table seriesuid,coordX,coordY,coordZ; a scan is named by its seriesuid.
        device: `auto`, `cpu` or `cuda`.
        memory: GB that reading an input may take. None: four fifths of the memory that is free.
        deadline: seconds that it may take. None: half an hour.
        progress: is told what happens.

    Returns:
        Where everything is, and what failed.

    Raises:
        ProtocolError: no such evaluation, or none that has ended; no input that can be predicted; candidates
            where the task has none, or none where it needs them; a folder that holds something.
        LayoutError: a damaged table.
        RecipeError: an evaluation of another version of pcrl.
        DeviceError: no such device.
        OSError: a prediction could not be written, and so neither could any other. Those before it are whole.

    Example:
        >>> predict("lits", ["scan.nii.gz"], run="evaluations/lits-20261125-120000", out="masks").failed
        ()
    """
    entry, watch = entry_of(task), progress or Progress()
    if (candidates is None) == (entry.kind == "candidates"):
        needed = f"{task} needs --candidates" if candidates is None else f"{task} has no --candidates"
        raise ProtocolError(needed)
    folder = Path(out)
    require_empty(folder)
    if not inputs:
        raise ProtocolError("no inputs: give files, or folders of them")
    where = device_named(device)
    trained = open_trained(Path(run), task)
    items, failed = _items(trained, [Path(path) for path in several(inputs)], watch)
    table = None if candidates is None else Path(candidates)
    with Reader(of_readers(1, deadline, memory)) as reader:
        predictor = _opened(trained, Inputs(items, table, reader), where)
        watch.predicting(trained.folder, len(items) + len(failed))
        for reason in failed:
            watch.failed(reason)
        rows: list[Sequence[object]] = []
        for item in items:
            prediction = _predicted(predictor, item, folder)
            if isinstance(prediction, str):
                failed.append(prediction)
                watch.failed(prediction)
                continue
            for note in prediction.notes:
                watch.note(printable(f"{item.name}: {note}"))
            rows += prediction.rows
            watch.predicted(prediction.summary)
    written = folder / TABLE if predictor.columns else None
    if written:
        write_csv(written, predictor.columns, rows)
    return Predicted(trained.folder, folder, written, len(rows), tuple(failed))


def _opened(trained: Trained, inputs: Inputs, device: torch.device) -> Predictor:
    """The network, as its evaluation describes it.

    Raises:
        ProtocolError: the description is damaged.
    """
    try:
        predictor: Predictor = named(trained.task.predicts)(trained, inputs, device)
        return predictor
    except (ProtocolError, LayoutError, RecipeError):
        raise
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, ArithmeticError) as error:
        raise ProtocolError(
            f"{trained.folder}: the network that its evaluation describes (`rebuild` in {REQUEST}) cannot be built "
            f"({type(error).__name__}: {error}): the file is damaged, or of another version of pcrl"
        ) from error


def _predicted(predictor: Predictor, item: Any, folder: Path) -> Prediction | str:
    """The prediction of one input, or why it cannot be predicted."""
    try:
        return predictor.predict(item, folder)
    except (ReadError, ScanError) as error:
        return printable(str(error))
    except Exception as error:  # no other prediction is lost when one input cannot be predicted
        if is_full(error):
            raise
        name = item if isinstance(item, Path) else item.name
        return printable(f"{name}: {type(error).__name__}: {error}")


def _items(trained: Trained, inputs: Sequence[Path], watch: Progress) -> tuple[Sequence[Any], list[str]]:
    """What is to be predicted, and why what could not be looked into could not."""
    entry = trained.task
    if entry.data == "images":
        return radiographs(inputs)
    channels = trained.rebuild.get("channels", 1)
    if not isinstance(channels, int):
        raise ProtocolError(f"{trained.folder}: `channels` is {channels!r} in {REQUEST}: the file is damaged")
    cases, notes, failed = volumes(inputs, entry.layout, channels, by_file=entry.kind == "candidates")
    for note in notes:
        watch.note(note)
    return cases, failed
