"""Finding the pre-training run to evaluate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pcrl.config import ImageModel, Model
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import REQUEST
from pcrl.models.weights.folder import load_weights
from pcrl.models.weights.published import IMAGENET
from pcrl.training.records.checkpoint import checkpoints
from pcrl.training.records.run_folder import CHECKPOINTS, RUN, RunError, RunRecord, is_finished, read, run_of


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Weights to evaluate.

    Args:
        record: says what they saw; none if they are of no run here (imported weights).
        start: what pre-training started from, in words; of imported weights, where they come from.
        known: whether it is known which patients they saw.
        unfinished: the last checkpoint of a run that goes on, or that was killed; empty of all others.
    """

    path: Path
    state: dict[str, Tensor]
    model: Model
    record: RunRecord | None
    start: str
    known: bool
    unfinished: str = ""

    def digest(self) -> str:
        """Changes when a weight does."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state.items()):
            digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def open_run(path: Path) -> Pretrained:
    """A run, one of its checkpoints, or a folder of imported weights.

    Raises:
        ProtocolError: a run without a checkpoint.
        pcrl.models.weights.published.WeightsError: no weights there, or damaged ones.
    """
    run = run_of(path)
    weights = path
    if run == path:
        saved = checkpoints(path / CHECKPOINTS)
        if not saved and (path.parent.parent / REQUEST).is_file():
            raise ProtocolError(
                f"{path} is a fine-tuning of an evaluation, not a pre-training run: give the run that it started from"
            )
        if not saved:
            raise ProtocolError(
                f"{path} has no checkpoint yet: go on with `pcrl pretrain --out {path} --resume`"
            )
        weights = saved[-1]
    loaded = load_weights(weights)
    if run:
        record = read(run)
        unfinished = weights.name if run == path and not is_finished(run) else ""
        return Pretrained(
            path, loaded.state, loaded.model, record, record.start, record.start_known, unfinished
        )
    origin = loaded.source.get("origin")
    # ImageNet holds photographs, and no patient.
    return Pretrained(
        path,
        loaded.state,
        loaded.model,
        None,
        f"imported, {origin or 'of unknown origin'}",
        origin == IMAGENET,
    )


def describe(model: Model) -> str:
    """What the encoder of a network is; weights fit where this is the same."""
    if isinstance(model, ImageModel):
        return f"a 2D network of width {model.width}"
    return f"a 3D network of width {model.width} and {model.levels} levels"


def newest_compatible(
    runs: Path, model: Model, objective: str | None = None
) -> tuple[Pretrained | None, list[str]]:
    """The newest finished run whose encoder is that of `model`, and the runs that were not used, with reasons.

    Args:
        objective: its name; None: any that is not only there to be compared with.
    """
    passed_over = []
    found = [path.parent for path in runs.glob(f"*/{RUN}")] if runs.is_dir() else []
    for path in sorted(found, key=lambda p: (p / RUN).stat().st_mtime, reverse=True):
        try:
            record = read(path)
        except RunError as error:
            passed_over.append(str(error))
            continue
        if record.recipe.model.network != model.network:
            continue  # for volumes where images are evaluated, or the other way round
        learnt = record.recipe.objective
        if not is_finished(path):
            passed_over.append(f"{path}: not finished")
        elif describe(record.recipe.model) != describe(model):
            passed_over.append(f"{path}: {describe(record.recipe.model)}, not {describe(model)}")
        elif learnt.is_control if objective is None else learnt.name != objective:
            passed_over.append(f"{path}: its objective is {learnt.name}")
        else:
            return open_run(path), passed_over
    return None, passed_over
