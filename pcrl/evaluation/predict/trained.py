"""Which of an evaluation's trained networks predicts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pcrl.evaluation.arms.choose import checkpoint_arm
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.kept import RUN
from pcrl.evaluation.records.request import REQUEST, Request, load_request
from pcrl.evaluation.run.trainings import RUNS
from pcrl.evaluation.tasks.predictor import Trained
from pcrl.evaluation.tasks.registry import entry_of


def open_trained(path: Path, task: str) -> Trained:
    """A training of an evaluation; of a whole evaluation, the first arm's first.

    Args:
        path: an evaluation's folder, or `runs/ARM-seedN` in it.

    Raises:
        ProtocolError: no such folder, an evaluation of another task, or no training that has ended.
    """
    whole = (path / REQUEST).is_file()
    evaluation = path if whole else path.parent.parent
    if not (evaluation / REQUEST).is_file():
        raise ProtocolError(
            f"{path} is not an evaluation: give the folder of one, such as evaluations/{task}-…, or one of "
            f"{RUNS}/ARM-seed0 in it"
        )
    request = load_request(evaluation)
    if request.task != task:
        raise ProtocolError(
            f"{path} is of {request.task}, not of {task}: pcrl predict {request.task} --run {path} …"
        )
    if not whole:
        folder = path
    else:
        ended = {folder for folder in (evaluation / RUNS).glob("*-seed*") if (folder / RUN).is_file()}
        in_order = [folder for arm in _arms(request) for folder in _of_arm(arm, ended)]
        if not in_order:
            raise ProtocolError(
                f"{path}: no training has finished yet; continue the evaluation (pcrl eval {task} --out {path} "
                "--resume)"
            )
        folder = in_order[0]
    if not (folder / RUN).is_file():
        raise ProtocolError(
            f"{folder}: this training has not finished; continue its evaluation with --resume"
        )
    return Trained(folder, entry_of(request.task), request.rebuild)


def _arms(request: Request) -> list[str]:
    """Names of the arms, in their order."""
    names: list[str] = []
    for kind in request.arms:
        several = kind == "pretrained" and len(request.checkpoints) > 1
        names += [checkpoint_arm(path) for path in request.checkpoints] if several else [kind]
    return names


def _of_arm(arm: str, folders: Iterable[Path]) -> list[Path]:
    """Folders of an arm's trainings, in their order."""
    named = re.compile(rf"{re.escape(arm)}-seed(?P<seed>\d+)(-fold(?P<fold>\d+))?")
    matched = [(match, folder) for folder in folders if (match := named.fullmatch(folder.name))]
    matched.sort(key=lambda pair: (int(pair[0]["fold"] or 0), int(pair[0]["seed"])))
    return [folder for _, folder in matched]
