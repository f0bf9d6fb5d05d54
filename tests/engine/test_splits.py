"""Splits by patient: the same everywhere, never separating a patient."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

from pcrl.datasets.case import Case
from pcrl.datasets.image import Radiograph
from pcrl.engine.splits import assign, fraction_of, split_of


def test_shares_and_stability():
    counts = Counter(split_of(f"patient-{n}") for n in range(10_000))
    assert abs(counts["train"] - 7000) < 150
    assert abs(counts["val"] - 1000) < 100
    assert [split_of(f"patient-{n}") for n in range(6)] == [
        split_of(f"patient-{n}", seed=0) for n in range(6)
    ]


def test_a_patient_is_on_one_side_and_the_stricter_one():
    cases = [
        Case("a", "anna", (), split="train"),
        Case("b", "anna", (), split="test"),
        Case("c", "bert", ()),
        Case("d", "bert", ()),
    ]
    splits, notes = assign(cases)
    assert splits["a"] == splits["b"] == "test"
    assert splits["c"] == splits["d"]
    assert "anna" in notes[0]


def test_fractions_nest_and_round_up():
    patients = [f"p{n}" for n in range(30)]
    assert len(fraction_of(patients, 0.1, 0)) == 3
    assert len(fraction_of(patients, 0.11, 0)) == 4
    assert len(fraction_of(patients, 0.001, 0)) == 1
    for seed in range(3):
        chosen = [fraction_of(patients, f, seed) for f in (0.01, 0.1, 0.5, 1.0)]
        for small, large in pairwise(chosen):
            assert large[: len(small)] == small
    assert fraction_of(patients, 0.5, 0) != fraction_of(patients, 0.5, 1)


LABEL = Path("label.nii")


def labelled(*patients):
    return [Case(patient, patient, (), LABEL) for patient in patients]


def test_few_labelled_patients_have_one_to_test_and_it_is_said():
    names = [name for name in (f"p{n}" for n in range(200)) if split_of(name) == "train"][:4]
    splits, (note,) = assign([*labelled(*names), Case("bare", "bare", ())])
    (tested,) = [name for name in names if splits[name] == "test"]
    assert f"of 4 labelled patients the hash puts none in test: {tested}" in note
    assert assign(labelled(*reversed(names)))[0] == {name: splits[name] for name in names}


def test_few_labelled_patients_have_one_to_train_on():
    names = [name for name in (f"p{n}" for n in range(200)) if split_of(name) == "test"][:3]
    splits, (note,) = assign(labelled(*names))
    assert sorted(splits.values()) == ["test", "test", "train"]
    assert "none in train" in note


def test_what_a_data_set_states_is_not_moved():
    stated = [Case(name, name, (), LABEL, split="train") for name in ("a", "b", "c")]
    assert assign(stated) == ({"a": "train", "b": "train", "c": "train"}, [])
    assert not assign([Case(name, name, ()) for name in ("a", "b", "c")])[1]
    assert not assign(labelled("alone"))[1]


def test_the_same_of_images():
    names = [name for name in (f"p{n}" for n in range(200)) if split_of(name) == "train"][:3]
    images = [Radiograph(name, f"{name}.png", name, name, "", None, (1, None)) for name in names]
    splits, notes = assign(images)
    assert sorted(splits.values()) == ["test", "train", "train"]
    assert len(notes) == 1
