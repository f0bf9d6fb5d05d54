"""Who is fine-tuned on, and the refusal to score what pre-training saw."""

from dataclasses import replace
from itertools import pairwise

import patients
import pytest

from pcrl.evaluation.protocol import ProtocolError, check_leak, cohort
from pcrl.training.run_folder import RunRecord

CLEAN = RunRecord(patients.RECIPE, "fresh", True, "", ("lits",), ("volume-0",), ("0" * 64,))


def names(cases):
    return {case.name for case in cases}


def test_every_part_has_the_patients_of_its_split(lits):
    found = cohort(lits, 1.0, 0)
    for cases, numbers in (
        (found.train, patients.TRAIN),
        (found.validation, patients.VALIDATION),
        (found.test, patients.TEST),
    ):
        assert names(cases) == {f"volume-{n}" for n in numbers}
    assert found.describe() == (
        "training 4 real patients; validation 1 real patient; test 3 real patients (of 4 labelled training patients)"
    )


def test_smaller_fractions_nest_and_are_never_empty(lits):
    sizes = []
    for seed in range(3):
        chosen = [names(cohort(lits, fraction, seed).train) for fraction in (0.01, 0.25, 0.5, 0.75, 1.0)]
        assert all(a <= b for a, b in pairwise(chosen))
        sizes.append([len(one) for one in chosen])
    assert sizes == [[1, 1, 2, 3, 4]] * 3
    assert len({frozenset(names(cohort(lits, 0.5, seed).train)) for seed in range(8)}) > 1


def test_labels_are_needed_on_both_sides(lits):
    alone = tuple(case for case in lits.cases if case.split == "train")
    with pytest.raises(ProtocolError, match="no labelled patient of 4 fell into test"):
        cohort(replace(lits, cases=alone), 1.0, 0)
    with pytest.raises(ProtocolError, match="no labels in the cache"):
        cohort(replace(lits, cases=()), 1.0, 0)


def test_a_clean_run_passes(lits):
    assert check_leak(CLEAN, "runs/a", cohort(lits, 1.0, 0).tested(), transductive=False) is False


def test_a_patient_or_an_image_seen_is_refused_and_named(lits):
    test = cohort(lits, 1.0, 0).tested()
    by_patient = replace(CLEAN, patients=("volume-0", "volume-11"))
    # The same scan under another name: only its pixels give it away.
    by_pixels = replace(CLEAN, pixels=(test[0].pixels,))
    for run, named in ((by_patient, "patients volume-11"), (by_pixels, f"images {test[0].name}")):
        with pytest.raises(ProtocolError, match=f"{named}.*--transductive"):
            check_leak(run, "runs/a", test, transductive=False)
        assert check_leak(run, "runs/a", test, transductive=True) is True
