"""Who is trained on, who chooses, who is scored: by the data's own split, or fold by fold; always by patient."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.volumes.dataset import CachedCase, identity
from pcrl.engine.cache.volumes.records import CaseEntry
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.volumes import FOLDS, all_cases, labelled_cases
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate
from tests.helpers import patients, scans


def names(cases):
    return {case.name for case in cases}


def owners(cases):
    return {case.patient for case in cases}


def only(lits, fraction=1.0, seed=0):
    return labelled_cases(lits, Design(fraction, seed + 1)).of[Replicate(seed)]


EVERYONE = Design(validation="all")
"""All validation patients choose, however few."""


def of_entries(lits, *entries):
    """The data set with other cases: (name, patient, split, fold, virtual)."""
    known = {name: CaseEntry(patient=p, split=s, fold=f, virtual=v) for name, p, s, f, v in entries}
    cases = tuple(CachedCase("lits", name, Path("nowhere"), entry, None) for name, entry in known.items())
    return replace(lits, record=lits.record.model_copy(update={"cases": known}), cases=cases)


def test_every_part_has_the_patients_of_its_split(lits):
    found = labelled_cases(lits, EVERYONE)
    whole = found.of[Replicate(0)]
    for cases, numbers in (
        (whole.train, patients.TRAIN),
        (whole.validation, patients.VALIDATION),
        (whole.test, patients.TEST),
    ):
        assert names(cases) == {f"volume-{n}" for n in numbers}
    assert (found.counts(Replicate(0)), found.validating(Replicate(0))) == ((4, 3), 1)
    assert found.describe() == (
        "training 4 patients; validation 1 patient; test 3 patients; 5 labelled patients used in all, of 4 to train on "
        "and 1 to validate on"
    )
    side = found.side(Replicate(0))
    assert (set(side.train), set(side.test)) == (names(whole.train), names(whole.test))
    assert set(side.validation) == {"volume-27"}


def test_smaller_fractions_nest_and_are_never_empty(lits):
    sizes = []
    for seed in range(3):
        chosen = [names(only(lits, fraction, seed).train) for fraction in (0.01, 0.25, 0.5, 0.75, 1.0)]
        assert all(a <= b for a, b in pairwise(chosen))
        sizes.append([len(one) for one in chosen])
    # Of five labelled patients.
    assert sizes == [[1, 2, 3, 4, 4]] * 3
    assert len({frozenset(names(only(lits, 0.5, seed).train)) for seed in range(8)}) > 1


def test_seeds_share_who_is_tested(lits):
    found = labelled_cases(lits, Design(0.5, 3))
    assert found.replicates == (Replicate(0), Replicate(1), Replicate(2))
    assert {cohort.test for cohort in found.of.values()} == {found.of[Replicate(0)].test}
    assert len(found.tested()) == 3
    assert all(case.labelled.training_pool == 4 for case in found.of.values())


def test_labels_are_needed_on_both_sides(lits):
    for split, missing in (("train", "test"), ("test", "train")):
        alone = tuple(case for case in lits.cases if case.split == split)
        with pytest.raises(ProtocolError, match=rf"no labelled patient of \d is in the {missing} split"):
            labelled_cases(replace(lits, cases=alone), Design())
    with pytest.raises(ProtocolError, match="no labels in the cache"):
        labelled_cases(replace(lits, cases=()), Design())


def counted(lits):
    """23 patients; every third has two scans."""
    entries = [(f"c{n}", f"p{n}", "train", None, False) for n in range(23)]
    return of_entries(lits, *entries, *((f"d{n}", f"p{n}", "test", None, False) for n in range(0, 23, 3)))


@pytest.mark.parametrize("fraction", [0.3, 1.0])
def test_dealt_folds_test_every_patient_once_and_have_none_on_two_sides(lits, fraction):
    found = all_cases(counted(lits), Design(fraction, 2, tuple(range(FOLDS)), validation="all"))
    assert found.replicates == tuple(Replicate(seed, fold) for fold in range(FOLDS) for seed in range(2))
    of_first_seed = [found.of[Replicate(0, fold)] for fold in range(FOLDS)]
    tested = Counter(patient for cohort in of_first_seed for patient in owners(cohort.test))
    assert tested == {f"p{n}": 1 for n in range(23)}
    assert sorted(len(owners(cohort.test)) for cohort in of_first_seed) == [4, 4, 5, 5, 5]
    for fold, cohort in enumerate(of_first_seed):
        sides = [owners(cases) for cases in (cohort.train, cohort.validation, cohort.test)]
        assert sum(map(len, sides)) == len(set().union(*sides))
        # The fold before it chooses the epoch.
        assert sides[1] == owners(of_first_seed[fold - 1].test)
        assert len(sides[0]) == -(-cohort.labelled.training_pool * fraction // 1)
    assert len(set().union(*(names(cohort.test) for cohort in of_first_seed))) == 31
    assert "the first of 5 folds" in found.describe()


def test_folds_are_the_same_whatever_the_order_and_whichever_are_asked_for(lits):
    data = counted(lits)
    turned = replace(data, cases=data.cases[::-1])
    one, other = (all_cases(each, Design(folds=(3,))).of[Replicate(0, 3)] for each in (data, turned))
    whole = all_cases(data, Design(folds=tuple(range(FOLDS)))).of[Replicate(0, 3)]
    assert names(one.test) == names(other.test) == names(whole.test)


def test_a_data_sets_own_folds_go_before_and_a_patient_goes_whole_to_one(lits):
    entries = [(f"c{n}", f"p{n}", "train", n % 10, False) for n in range(30)]
    # A second scan of patient 7 in another fold, and one of no stated fold: all go to the first.
    entries += [("more", "p7", "train", 3, False), ("none", "p7", "train", None, False)]
    data = of_entries(lits, *entries)
    found = all_cases(data, Design(folds=tuple(range(10))))
    for fold in range(10):
        expected = {f"p{n}" for n in range(30) if n % 10 == fold} - {"p7"} | ({"p7"} if fold == 3 else set())
        assert owners(found.of[Replicate(0, fold)].test) == expected
    assert {"c7", "more", "none"} <= names(found.of[Replicate(0, 3)].test)


@pytest.mark.parametrize(("fold", "last"), [(5, 4), (10, 9)])
def test_a_fold_that_there_is_not_is_named(lits, fold, last):
    own = of_entries(lits, *((f"c{n}", f"p{n}", "train", n % 10, False) for n in range(30)))
    data = counted(lits) if last == 4 else own
    with pytest.raises(ProtocolError, match=f"lits has folds 0 to {last}, not {fold}"):
        all_cases(data, Design(folds=(fold,)))


def all_notes(cohorts):
    return [*cohorts.notes_on_training(), *cohorts.notes_on_test()]


def test_what_a_reader_should_know(lits):
    assert "fewer than 3 validation patients" in labelled_cases(lits, Design()).notes_on_training()[0]
    assert all_notes(labelled_cases(lits, EVERYONE)) == [
        "only 1 validation patient: which epoch they choose is largely chance",
        "only 3 test patients: too few for confidence intervals of means, or for conclusions about quality",
    ]
    several = [(f"t{n}", f"t{n}", "test", None, n < 2) for n in range(20)]
    data = of_entries(lits, ("a", "a", "train", None, False), *several)
    assert all_notes(all_cases(data, Design())) == [
        "no validation patients: every training runs to its last epoch, which is kept",
        "2 of 20 test cases are virtual: the scores say nothing about real patients",
    ]
    choosing = [(f"v{n}", f"v{n}", "val", None, False) for n in range(10)]
    data = of_entries(lits, ("a", "a", "train", None, False), *several, *choosing)
    found = all_cases(data, EVERYONE)
    assert all_notes(found) == ["2 of 20 test cases are virtual: the scores say nothing about real patients"]
    assert found.virtual() == 2
    assert "test 18 patients and 2 virtual ones" in found.describe()


def test_cases_that_ingest_did_not_get_to_are_told(lits):
    entries = [(f"c{n}", f"p{n}", "test" if n % 2 else "train", None, False) for n in range(30)]
    data = of_entries(lits, *entries)
    data = replace(data, cases=tuple(case for case in data.cases if case.name not in ("c3", "c5", "c8")))
    assert all_cases(data, Design()).notes_on_test()[0] == (
        "3 of 30 cases are not in the cache (c3, …), 2 of them test cases: run pcrl ingest again, "
        "which names the cases that fail"
    )


def with_empty_labels(tmp_path, numbers):
    """The patients of the small LiTS, nothing marked in the labels of some."""
    patients.write_lits(tmp_path / "lits")
    for number in numbers:
        nothing = np.zeros(patients.SHAPE, np.uint8)
        scans.write(tmp_path / f"lits/segmentation-{number}.nii", nothing, (1.0, 1.0, 2.0))
    ingested = run(plan(find("lits", tmp_path / "lits"), tmp_path / "cache", patients.RECIPE), 1)
    assert not [one.error for one in ingested if one.error]
    return Cache(tmp_path / "cache").dataset("lits")


@pytest.mark.slow
def test_a_patient_in_whose_label_nothing_is_marked_is_no_labelled_one(tmp_path):
    data = with_empty_labels(tmp_path, (1, 4))
    found = labelled_cases(data, Design())
    one = found.of[Replicate(0)]
    assert names(one.train) == {"volume-0", "volume-2", "volume-5"}
    assert names(one.test) == {"volume-3", "volume-11"}
    assert found.counts(Replicate(0)) == (3, 2)
    (note,) = [note for note in found.notes_on_test() if note.startswith("left out")]
    assert "2 cases in whose label nothing is marked (volume-1, volume-4)" in note
    # As scans they are there as ever.
    assert all_cases(data, Design()).counts(Replicate(0)) == (4, 3)
    empty = tuple(case for case in data.cases if case.name in {"volume-1", "volume-4"})
    with pytest.raises(
        ProtocolError, match=r"lits: nothing is marked in any of its 2 labels \(volume-1, volume-4\)"
    ):
        labelled_cases(replace(data, cases=empty), Design())


def with_grades(lits, low):
    """Eighty labelled patients, every `low`-th of the lower grade."""
    cases = tuple(
        replace(
            lits.cases[n % len(lits.cases)],
            name=f"c{n}",
            entry=CaseEntry(
                patient=f"p{n}",
                split="train" if n < 56 else "val" if n < 64 else "test",
                fold=None,
                virtual=False,
                stratum="LGG" if n % low == 0 else "HGG",
            ),
        )
        for n in range(80)
    )
    return replace(lits, cases=cases)


def test_a_draw_of_labelled_patients_has_both_grades(lits):
    graded = with_grades(lits, 4)
    drawn = [only(graded, fraction, seed) for fraction in (0.05, 0.3, 1.0) for seed in range(4)]
    for cohort in drawn:
        for cases in (cohort.train, cohort.validation):
            low = sum(case.entry.stratum == "LGG" for case in cases)
            assert not cases or (low >= 1 and abs(low - len(cases) / 4) <= 1.5)
    assert names(drawn[0].train) < names(drawn[4].train) < names(drawn[8].train)
    assert "training 56 patients (42 HGG, 14 LGG)" in labelled_cases(graded, Design()).describe()


def test_folds_hold_each_grade_in_proportion(lits):
    found = labelled_cases(with_grades(lits, 4), Design(folds=tuple(range(FOLDS))))
    for cohort in found.of.values():
        assert Counter(case.entry.stratum for case in cohort.test) == {"HGG": 12, "LGG": 4}


def test_a_cache_without_strata_has_the_digest_that_it_had(lits):
    digest = hashlib.sha256()
    for case in sorted(lits.cases, key=lambda case: case.name):
        entry = case.entry.model_dump(mode="json", exclude={"stratum"})
        digest.update(f"lits/{case.name} {json.dumps(entry, separators=(',', ':'))}\n".encode())
        digest.update(case.commit_bytes())
    assert identity(list(lits.cases)) == digest.hexdigest()
    assert identity(list(with_grades(lits, 4).cases)) != identity(list(with_grades(lits, 5).cases))
