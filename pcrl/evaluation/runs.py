"""Finding the pre-training run to evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pcrl.config import Model
from pcrl.evaluation.protocol import ProtocolError
from pcrl.models.weights import load_weights
from pcrl.training.checkpoint import checkpoints
from pcrl.training.run_folder import CHECKPOINTS, RUN, RunError, RunRecord, is_finished, read, run_of


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Weights to evaluate; `record` says what they saw, none if nobody knows (imported weights)."""

    path: Path
    state: dict[str, Tensor]
    model: Model
    record: RunRecord | None


def open_run(path: Path) -> Pretrained:
    """A run, one of its checkpoints, or a folder of imported weights.

    Raises:
        ProtocolError: a run without a checkpoint.
        pcrl.models.published.WeightsError: no weights there, or damaged ones.
    """
    run = run_of(path)
    weights = path
    if run == path:
        found = checkpoints(path / CHECKPOINTS)
        if not found:
            raise ProtocolError(
                f"{path} has no checkpoint yet: go on with `pcrl pretrain --out {path} --resume`"
            )
        weights = found[-1]
    loaded = load_weights(weights)
    return Pretrained(path, loaded.state, loaded.model, read(run) if run else None)


def newest_compatible(runs: Path, model: Model) -> tuple[Pretrained | None, list[str]]:
    """The newest finished run whose network is `model`, and those newer ones that were passed over, with the reason."""
    passed_over = []
    found = [path.parent for path in runs.glob(f"*/{RUN}")] if runs.is_dir() else []
    for path in sorted(found, key=lambda p: (p / RUN).stat().st_mtime, reverse=True):
        try:
            record = read(path)
        except RunError as error:
            passed_over.append(str(error))
            continue
        if not is_finished(path):
            passed_over.append(f"{path}: not finished")
        elif (record.recipe.model.width, record.recipe.model.levels) != (model.width, model.levels):
            other = record.recipe.model
            passed_over.append(
                f"{path}: width {other.width} and {other.levels} levels, not {model.width} and {model.levels}"
            )
        else:
            return open_run(path), passed_over
    return None, passed_over
