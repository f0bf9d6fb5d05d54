"""Scoring saved networks on data from elsewhere: what `pcrl eval … --test-on` does, as one call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pcrl.evaluation.cohorts.elsewhere import Tested
from pcrl.evaluation.external.opening import finished_evaluation, open_external
from pcrl.evaluation.external.request import ExternalRequest, begin, folder_of
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.results import Results
from pcrl.evaluation.run.new_request import arguments_given, call_in_words
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.tasks.registry import TEST_PATIENTS
from pcrl.models.device import device_named


def evaluate_elsewhere(
    task: str,
    dataset: str,
    *,
    run: str | Path | None = None,
    test_patients: Tested = "all",
    same_labels: Mapping[str, str] | None = None,
    transductive: bool = False,
    different_people: bool = False,
    out: str | Path | None = None,
    device: str = "auto",
    command: str | None = None,
    progress: Progress | None = None,
) -> Results:
    """Score the networks of a finished evaluation on another data set of its cache, with the same statistics.

    Nothing is trained or chosen. The leak guard holds: nobody who is tested may have been fine-tuned on, or have chosen
    an epoch, or have been seen by pre-training. What an interrupted call has predicted is kept, and the same call
    goes on.

    Args:
        task: a name in `pcrl.evaluation.tasks.registry.TASKS`, such as `lits`.
        dataset: its name in the evaluation's cache.
        run: folder of the evaluation; none: the newest finished one of the task in `evaluations`.
        test_patients: `all`, or `test`: only those that the data set holds back itself.
        same_labels: label of the networks → its name in the data set, where the names differ.
        transductive: allow pre-training to have seen test patients, and say so everywhere.
        different_people: state that test scans that look like others are of other people.
        out: new folder; none: `tested-on/DATASET` in that of the evaluation.
        device: `auto`, `cpu` or `cuda`.
        command: what was typed, for the record; none: this call.
        progress: is told what happens.

    Returns:
        What `results.json` holds.

    Raises:
        ProtocolError: no finished evaluation, or one whose data have changed; no labels in common; a leak; a folder
            that holds something else.
        CacheError: no such data set in the cache.
        WeightsError, RunError: weights, or the record of a run, that cannot be read.
        LayoutError: tables of candidates that cannot be read.
        DeviceError: no such device.

    Example:
        >>> results = evaluate_elsewhere("lits", "dataset003_liver", run="evaluations/lits-20261125-120000")
        >>> [(row.label, row.value) for row in results.arms[0].rows if row.metric == results.main.name]
    """
    arguments = arguments_given(evaluate_elsewhere, locals())
    watch, where = progress or Progress(), device_named(device)
    if test_patients not in TEST_PATIENTS:
        raise ProtocolError(f"test_patients {test_patients!r}: expected {' or '.join(TEST_PATIENTS)}")
    asked = ExternalRequest(
        evaluation=finished_evaluation(None if run is None else Path(run), task).resolve(),
        dataset=dataset,
        tested=test_patients,
        same_labels=dict(same_labels or {}),
        transductive=transductive,
        different_people=different_people,
        command=command or call_in_words("evaluate_elsewhere", arguments),
    )
    folder = folder_of(asked, None if out is None else Path(out))
    opened = open_external(asked, watch)
    begin(opened.asked, folder)
    watch.testing(opened.study.planned(), folder)
    return opened.study.carry_out(folder, where, watch)
