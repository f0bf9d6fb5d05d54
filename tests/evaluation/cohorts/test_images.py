"""Who is trained on, who chooses, who is scored: of thousands of images, always by patient."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.engine import splits
from pcrl.engine.cache.images.dataset import CachedImages, ImageSetRecord
from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.cohorts.image_cohort import image_cohort
from pcrl.evaluation.records.errors import ProtocolError

RECIPE = load_recipe("cpu-2d")
LABELS = ("Edema", "Mass")


def images_of(patients=1500, shares=(0.1, 0.2), each=3):
    """A data set whose patients have `each` images: the last one lateral, the first of no stated view."""
    names = [f"p{n}" for n in range(patients) for _ in range(each)]
    rng = np.random.default_rng(0)
    table = ImageTable(
        index=np.arange(len(names)),
        names=[f"i{n}" for n in range(len(names))],
        patients=names,
        studies=[f"{name}/1" for name in names],
        views=["", *["frontal"] * (each - 2), "lateral"] * patients,
        splits=[splits.split_of(name, shares) for name in names],
        virtual=np.zeros(len(names), bool),
        shapes=np.full((len(names), 2), 64, np.int32),
        pixels=[f"{n:064}" for n in range(len(names))],
        labels=rng.integers(0, 2, (len(names), 2)).astype(np.int8),
        label_names=LABELS,
        failed=[],
        ages=np.full(len(names), np.nan, np.float32),
        sexes=[""] * len(names),
        projections=[""] * len(names),
    )
    return with_table(table)


def with_table(table):
    record = ImageSetRecord(
        format=1, name="many", recipe=RECIPE, label_names=table.label_names, split_seed=0, shares=(0.1, 0.2)
    )
    images = CachedImages(Path("nowhere"), record)
    images.__dict__["table"] = table
    return images


MANY = images_of()


def patients(cohort):
    return [set(cohort.patients(rows)) for rows in (cohort.train, cohort.validation, cohort.test)]


@pytest.mark.parametrize("seed", range(4))
def test_fractions_nest_and_no_patient_is_on_two_sides(seed):
    found = [image_cohort(MANY, fraction, seed) for fraction in (0.0001, 0.01, 0.1, 1.0)]
    assert all(set(a.train) < set(b.train) for a, b in pairwise(found))
    assert all(set(a.validation) <= set(b.validation) for a, b in pairwise(found))
    everyone = found[-1].labelled.training_pool + found[-1].labelled.validation_pool
    budgets = [1, -(-everyone // 100), -(-everyone // 10)]
    assert [len(patients(each)[1]) for each in found[:3]] == [0, 0, budgets[2] // 8]
    assert [len(patients(each)[0]) for each in found[:3]] == [1, budgets[1], budgets[2] - budgets[2] // 8]
    for each in found:
        train, validation, test = patients(each)
        assert not train & validation
        assert not (train | validation) & test
        np.testing.assert_array_equal(each.test, found[0].test)
        assert not each.carved
    beside = [image_cohort(MANY, fraction, seed, how="all") for fraction in (0.0001, 0.1)]
    np.testing.assert_array_equal(beside[0].validation, beside[1].validation)
    assert len(patients(beside[0])[1]) == beside[0].labelled.validation_pool > 100


def test_seeds_draw_other_patients():
    drawn = {frozenset(image_cohort(MANY, 0.01, seed).train.tolist()) for seed in range(4)}
    assert len(drawn) == 4


def test_all_images_of_a_chosen_patient_that_are_frontal_or_all_of_them():
    frontal, everything = image_cohort(MANY, 0.1, 0), image_cohort(MANY, 0.1, 0, "all")
    assert (frontal.left_out, everything.left_out) == (1500, 0)
    assert patients(frontal) == patients(everything)
    assert len(frontal.train) == 2 * len(patients(frontal)[0])
    assert len(everything.train) == 3 * len(patients(everything)[0])
    assert not any(MANY.table.views[row] == "lateral" for row in frontal.test)
    assert "1500 images of other than frontal views" in frontal.notes_on_test()[0]
    assert everything.notes_on_test() == []
    assert [note for note in everything.notes_on_training() if "validation" not in note] == []


def test_without_validation_patients_some_training_patients_choose():
    none = images_of(shares=(0.0, 0.2))
    chosen = image_cohort(none, 0.1, 0)
    train, validation, test = patients(chosen)
    assert chosen.carved
    assert "which epoch they choose" not in "".join(chosen.notes_on_training())
    assert (
        "7 validation patients: which epoch they choose" in image_cohort(none, 0.05, 0).notes_on_training()[1]
    )
    assert len(validation) == (len(train) + len(validation)) // 8
    assert not train & validation
    assert not (train | validation) & test
    assert "some of the training patients are set aside for validation" in chosen.notes_on_training()[0]
    # Nobody who trains at one fraction validates at another.
    found = [image_cohort(none, fraction, 0) for fraction in (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)]
    assert all(set(a.train) < set(b.train) for a, b in pairwise(found))
    assert all(set(a.validation) <= set(b.validation) for a, b in pairwise(found))


@pytest.mark.parametrize(("count", "shares"), [(12, (0.0, 0.2)), (16, (0.02, 0.2))])
def test_a_few_patients_choose_nothing(count, shares):
    few = images_of(patients=count, shares=shares)
    chosen = image_cohort(few, 0.5, 0)
    assert not len(chosen.validation)
    assert not chosen.carved
    assert "its last epoch, which is kept" in chosen.notes_on_training()[0]


@pytest.mark.parametrize(("shares", "fraction"), [((0.1, 0.2), 0.01), ((0.0, 0.2), 0.1), ((0.0, 0.2), 0.01)])
def test_an_evaluation_begun_earlier_has_the_patients_it_began_with(shares, fraction):
    data, seed = images_of(shares=shares), 3
    found = image_cohort(data, fraction, seed, how="earlier")
    own = {data.table.patients[row] for row in data.table.where("val")}
    chosen = splits.fraction_of(
        {data.table.patients[row] for row in data.table.where("train")}, fraction, seed
    )
    aside = splits.fraction_of(chosen, 0.1, seed + (1 << 32)) if not own and fraction > 0.01 else []
    train, validation, _ = patients(found)
    assert train == set(chosen) - set(aside)
    assert validation == (own or set(aside))


def test_numbers_are_of_what_is_taken():
    table = replace(MANY.table, virtual=np.arange(4500) % 2 == 0)
    found = image_cohort(with_table(table), 0.01, 0)
    train, validation, test = patients(found)
    assert found.describe() == (
        f"training {len(train)} patients with {len(found.train)} images; validation {len(validation)} patients with "
        f"{len(found.validation)} images; test {len(test)} patients with {len(found.test)} images; "
        f"{len(train)} labelled patients used in all, of {found.labelled.training_pool} to train on and "
        f"{found.labelled.validation_pool} to validate on"
    )
    made = sum(table.virtual[rows].sum() for rows in (found.train, found.validation, found.test))
    assert f"{made} synthetic images: the scores say nothing about real patients" in found.notes_on_test()


def test_an_empty_side_is_refused():
    for split, other in (("test", "train"), ("train", "test")):
        table = replace(MANY.table, splits=[other] * len(MANY.table))
        with pytest.raises(ProtocolError, match=f"no frontal image of 4500 is in the {split} split"):
            image_cohort(with_table(table), 1.0, 0)
    bare = replace(MANY.table, labels=np.zeros((4500, 0), np.int8), label_names=())
    with pytest.raises(ProtocolError, match="has no labels"):
        image_cohort(with_table(bare), 1.0, 0)
