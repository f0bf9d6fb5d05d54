"""The refusal to score what pre-training saw."""

from dataclasses import replace

import pytest

from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.leak import check_leak
from pcrl.evaluation.cohorts.volumes import labelled_cases
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.training.records.run_folder import RunRecord
from tests.helpers import patients

CLEAN = RunRecord(patients.RECIPE, "fresh", True, "", ("lits",), ("volume-0",), ("0" * 64,))


def test_a_clean_run_passes(lits):
    assert check_leak(CLEAN, "runs/a", labelled_cases(lits, Design()).tested(), transductive=False) is False


def test_a_patient_or_an_image_seen_is_refused_and_named(lits):
    test = labelled_cases(lits, Design()).tested()
    by_patient = replace(CLEAN, patients=("volume-0", "volume-11"))
    # The same scan under another name: only its pixels give it away.
    by_pixels = replace(CLEAN, pixels=(test[0].pixels,))
    for run, named in ((by_patient, "patients volume-11"), (by_pixels, f"images {test[0].name}")):
        with pytest.raises(ProtocolError, match=f"{named}.*--transductive"):
            check_leak(run, "runs/a", test, transductive=False)
        assert check_leak(run, "runs/a", test, transductive=True) is True


def test_patients_of_every_fold_are_tested(lits):
    tested = labelled_cases(lits, Design(folds=(0, 1, 2, 3, 4))).tested()
    assert {case.name for case in tested} == {case.name for case in lits.cases}
    with pytest.raises(ProtocolError, match="patients volume-0;"):
        check_leak(CLEAN, "runs/a", tested, transductive=False)
