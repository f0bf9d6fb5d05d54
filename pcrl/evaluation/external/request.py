"""What is asked of an external test, kept in its folder: it goes on where it was stopped, and says what it was."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pcrl.evaluation.cohorts.elsewhere import Tested
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.results import RESULTS
from pcrl.evaluation.records.stored import load_stored
from pcrl.evaluation.run.folders import require_empty
from pcrl.files import Record, save_record

EXTERNAL, TESTED_ON = "external.json", "tested-on"
"""The record's file; the folder of external tests in that of their evaluation."""
FORMAT = 1


class ExternalRequest(Record):
    """Everything that determines the results of an external test.

    Args:
        evaluation: folder of the evaluation whose networks are tested.
        dataset: that is tested, in the evaluation's cache.
        tested: which of its patients.
        same_labels: label of the networks → its name in that data set, where the names differ.
        command: as typed.
        identity: a digest of the data set's content.
        networks: digest of the weights of each training.
    """

    format: int = FORMAT
    evaluation: Path
    dataset: str
    tested: Tested = "all"
    same_labels: dict[str, str] = Field(default_factory=dict)
    transductive: bool = False
    different_people: bool = False
    command: str
    identity: str = ""
    networks: dict[str, str] = Field(default_factory=dict)


def folder_of(asked: ExternalRequest, out: Path | None) -> Path:
    """Where the results go: `EVALUATION/tested-on/DATASET`, unless `out` says otherwise.

    Raises:
        ProtocolError: it holds something else than an external test that has not ended.
    """
    folder = out or asked.evaluation / TESTED_ON / asked.dataset
    if not (folder / EXTERNAL).is_file():
        require_empty(folder)
    elif (folder / RESULTS).is_file():
        raise ProtocolError(
            f"{folder} holds a finished external test: read its report.html, or give another --out"
        )
    return folder


def begin(asked: ExternalRequest, folder: Path) -> None:
    """Write `external.json`; what was begun there goes on if the same is asked for.

    Raises:
        ProtocolError: something else was.
    """
    if (folder / EXTERNAL).is_file():
        before = load_stored(ExternalRequest, folder / EXTERNAL, "it holds no external test")
        if before.model_copy(update={"command": asked.command}) != asked:
            raise ProtocolError(
                f"{folder} holds an external test that was begun with other options, data or networks, by: "
                f"{before.command}; give another --out"
            )
    save_record(asked, folder / EXTERNAL)
