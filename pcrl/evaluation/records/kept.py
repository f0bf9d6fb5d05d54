"""What is kept of a training in its folder, and whether it still is what was kept."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.results import Run
from pcrl.evaluation.records.stored import load_stored
from pcrl.files import sha256_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUN, PREDICTIONS, WEIGHTS = "run.json", "answers.npz", "weights.safetensors"


def kept_run(folder: Path) -> Run:
    """The record of a training.

    Raises:
        ProtocolError: it has not ended, or the record is damaged.
    """
    return load_stored(Run, folder / RUN, "this training has not ended")


def kept_weights(folder: Path) -> Path:
    """The file of its fine-tuned weights, which has the digest that its record says; earlier versions say none.

    Raises:
        ProtocolError: it is missing, or has changed since; or the record is damaged.
    """
    path, run = folder / WEIGHTS, kept_run(folder)
    if not path.is_file():
        raise ProtocolError(f"{path} is missing: the network of this training is needed")
    if run.digest is not None and sha256_of(path) != run.digest:
        raise ProtocolError(
            f"{path}: damaged (its SHA-256 is not that in {RUN}): copy it again, or repeat the evaluation"
        )
    return path


def kept_predictions(path: Path) -> Mapping[str, NDArray[Any]]:
    """What its network predicted.

    Raises:
        ProtocolError: missing or damaged.
    """
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ProtocolError(
            f"{path}: damaged or missing ({error}): remove the folder {path.parent}, and --resume trains it anew"
        ) from error
