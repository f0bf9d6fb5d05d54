"""Whether pre-training saw a test patient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.listing import few
from pcrl.training.records.run_folder import RunRecord


@dataclass(frozen=True, slots=True)
class Tested:
    """A case that is scored, by what would give away that pre-training saw it: the patient, and the pixels' digest."""

    name: str
    patient: str
    pixels: str


def check_leak(run: RunRecord, name: str, test: Iterable[Tested], transductive: bool) -> bool:
    """Whether pre-training saw a patient or an image of the test set.

    Raises:
        ProtocolError: it did, and `transductive` does not allow it.
    """
    cases, seen = list(test), set(run.pixels)
    patients = sorted({case.patient for case in cases} & set(run.patients))
    images = sorted(case.name for case in cases if case.pixels in seen)
    if not patients and not images:
        return False
    if not transductive:
        raise ProtocolError(
            f"the pre-training of {name} saw the test set: patients {few(patients) or 'none'}; images "
            f"{few(images) or 'none'}. Give a run that did not (pcrl pretrain leaves test patients out by default; "
            "with --folds, give a run on other scans, or --arms scratch), or allow it with --transductive: every "
            "table then says so"
        )
    return True
