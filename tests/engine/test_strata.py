"""Strata: every side, fold and draw has its share of each, and who was there before stays where they are."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.datasets.case import Case
from pcrl.engine.cache.volumes.records import CaseEntry, patients_in_words
from pcrl.engine.splits import assign, deal, in_seeded_order, split_of
from pcrl.engine.strata import notes_on, shared_out, strata_of

LABEL = Path("label.nii")


def patients(stratum, count, start=0):
    names = [f"{stratum or 'x'}{number}" for number in range(start, start + count)]
    return [Case(name, name, (), LABEL, stratum=stratum) for name in names]


def entries(cases, splits):
    return {
        case.name: CaseEntry(
            patient=case.patient, split=splits[case.name], fold=None, virtual=False, stratum=case.stratum
        )
        for case in cases
    }


def table(cases, splits):
    return Counter((case.stratum, splits[case.name]) for case in cases)


def test_each_side_has_its_share_of_each_stratum_to_a_patient():
    cases = patients("HGG", 210) + patients("LGG", 75)
    splits, notes = assign(cases)
    assert table(cases, splits) == {
        ("HGG", "train"): 147, ("HGG", "val"): 21, ("HGG", "test"): 42,
        ("LGG", "train"): 52, ("LGG", "val"): 8, ("LGG", "test"): 15,
    }  # fmt: skip
    assert not notes
    assert assign(cases[::-1])[0] == splits
    assert assign(cases, seed=1)[0] != splits


def test_the_hash_decides_who_within_a_stratum():
    cases = patients("HGG", 100)
    splits, _ = assign(cases)
    moved = [case for case in cases if splits[case.name] != split_of(case.patient)]
    assert len(moved) < 25
    sides = ("train", "val", "test")
    alone = {
        side: [sides.index(split_of(case.patient)) for case in cases if splits[case.name] == side]
        for side in sides
    }
    assert max(alone["train"]) <= min(alone["test"])
    assert 0 not in alone["test"]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_who_was_there_stays_and_who_comes_restores_the_shares(high, low, more_high, more_low):
    first = patients("HGG", high) + patients("LGG", low)
    before, _ = assign(first)
    cases = first + patients("HGG", more_high, high) + patients("LGG", more_low, low)
    after, notes = assign(cases, before=entries(first, before))
    assert {name: after[name] for name in before} == before
    assert not [note for note in notes if "hash" not in note]
    for stratum, count in (("HGG", high + more_high), ("LGG", low + more_low)):
        here = [table(cases, after)[stratum, side] for side in ("train", "val", "test")]
        assert sum(here) == count
        # A patient of a small first ingest may be on a side that would not have had one.
        assert all(abs(n - share * count) <= 2 for n, share in zip(here, (0.7, 0.1, 0.2), strict=True))


def test_cases_that_left_their_source_count_for_the_shares():
    first = patients("HGG", 20)
    before, _ = assign(first)
    kept = entries(first, before)
    more = patients("HGG", 20, 20)
    splits, _ = assign(more, before=kept)
    both = Counter([*splits.values(), *before.values()])
    assert both == {"train": 28, "val": 4, "test": 8}


def test_a_cache_that_knew_no_strata_keeps_its_split():
    cases = patients("HGG", 40) + patients("LGG", 20)
    bare = [replace(case, stratum="") for case in cases]
    before, _ = assign(bare)
    kept = entries(bare, before)
    after, _ = assign([*cases, *patients("LGG", 10, 20)], before=kept)
    assert {name: after[name] for name in before} == before
    assert [note for note in notes_on(cases, "grade", kept.values()) if note.startswith("60 patients of the")]
    # And what is known of none is divided as ever, whatever the cache holds.
    assert assign(bare, before={name: kept[name] for name in list(kept)[:10]})[0] == before


def test_what_a_data_set_states_goes_before():
    cases = [replace(case, split="val") for case in patients("HGG", 5)]
    assert set(assign(cases)[0].values()) == {"val"}


def test_a_patient_is_of_one_stratum_and_on_one_side():
    early, late, last = (
        Case(f"anna-{n}", "anna", (), LABEL, stratum=s) for n, s in enumerate(("LGG", "HGG", "HGG"))
    )
    cases = [early, late, last, *patients("HGG", 9)]
    splits, _ = assign(cases)
    assert splits["anna-0"] == splits["anna-1"] == splits["anna-2"]
    assert strata_of(cases)["anna"] == "HGG"
    (note,) = notes_on(cases, "grade")
    assert "more than one grade" in note
    assert "anna (HGG, LGG)" in note


def test_patients_joined_since_are_put_on_the_stricter_side():
    cases = patients("HGG", 20)
    before, _ = assign(cases)
    tested = next(case for case in cases if before[case.name] == "test")
    trained = next(case for case in cases if before[case.name] == "train")
    joined = [replace(case, patient="one") if case in (tested, trained) else case for case in cases]
    after, _ = assign(joined, before=entries(cases, before))
    assert after[tested.name] == after[trained.name] == "test"


def test_what_is_not_known_goes_by_its_hash_and_it_is_said():
    unknown = patients("", 30)
    assert {case.name: split_of(case.patient) for case in unknown}.items() <= assign(
        [*unknown, *patients("HGG", 10)]
    )[0].items()
    assert "grade is stated of no case" in notes_on(unknown, "grade")[0]
    assert "grade is not stated of 30 patients" in notes_on([*unknown, *patients("HGG", 10)], "grade")[0]
    assert notes_on(unknown, "") == notes_on(patients("HGG", 3), "grade") == []


@pytest.mark.parametrize(
    ("count", "given"),
    [(1, [1, 0, 0]), (2, [1, 0, 1]), (3, [2, 0, 1]), (10, [7, 1, 2]), (12, [8, 1, 3]), (75, [52, 8, 15])],
)
def test_shares_are_whole_patients(count, given):
    assert shared_out(count, (0.7, 0.1, 0.2)) == given


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 5))
def test_every_draw_has_its_share_of_each_stratum(high, low, seed):
    of = strata_of(patients("HGG", high) + patients("LGG", low))
    order = in_seeded_order(of, seed, of)
    assert sorted(order) == sorted(of)
    for count in range(2, len(order) + 1):
        here = Counter(of[patient] for patient in order[:count])
        assert set(here) == {"HGG", "LGG"}
        assert abs(here["HGG"] - count * high / (high + low)) <= 1.5
    for stratum in ("HGG", "LGG"):
        within = [patient for patient in order if of[patient] == stratum]
        assert within == in_seeded_order(within, seed)


def test_without_strata_the_order_is_as_it_was():
    names = [f"p{n}" for n in range(50)]
    assert in_seeded_order(names, 3, dict.fromkeys(names, "")) == in_seeded_order(names, 3)
    assert deal(names, 5, strata=dict.fromkeys(names, "")) == deal(names, 5)


def test_folds_have_their_share_too():
    of = strata_of(patients("HGG", 43) + patients("LGG", 19))
    folds = Counter((of[patient], fold) for patient, fold in deal(of, 5, strata=of).items())
    for stratum in ("HGG", "LGG"):
        sizes = [folds[stratum, fold] for fold in range(5)]
        assert max(sizes) - min(sizes) <= 1
    whole = Counter(deal(of, 5, strata=of).values())
    assert max(whole.values()) - min(whole.values()) <= 1


def test_the_strata_are_told_with_the_patients():
    cases = [*patients("HGG", 2), *patients("LGG", 1), *patients("", 1)]
    found = entries(cases, assign(cases)[0])
    assert patients_in_words(found.values()) == "4 patients (2 HGG, 1 LGG, 1 not known)"


def test_smaller_draws_are_part_of_larger_ones():
    of = strata_of(patients("HGG", 30) + patients("LGG", 10))
    order = in_seeded_order(of, 0, of)
    for small, large in pairwise(order[:n] for n in (1, 4, 10, 40)):
        assert large[: len(small)] == small
