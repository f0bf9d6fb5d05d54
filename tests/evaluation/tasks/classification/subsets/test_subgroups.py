"""Scores by sex, age and projection: of the images of a group, counted, and undefined where too few stand behind."""

import numpy as np
import pytest

from pcrl.datasets.layouts.images.chexpert import COMPETITION, OBSERVATIONS
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.statistics.roc import auroc_per_label
from pcrl.evaluation.tasks.classification.subsets.subgroups import (
    groups_of,
    notes_on_subgroups,
    subgroup_scores,
    variables_of,
)
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from tests.helpers.radiographs import RECIPE, chexpert_table, cohorts_of

TEST = 120
"""Images of 60 patients: 40 are of women, 4 of men, of 16 nothing is stated."""
PEOPLE = ["female"] * 40 + ["male"] * 4 + [""] * 16
SEXES = [sex for sex in PEOPLE for _ in range(2)] + [""] * 40
PROJECTIONS = ["AP", "PA"] * 60 + [""] * 40


def stated(**more):
    return chexpert_table(0, TEST, sexes=SEXES, projections=PROJECTIONS, **more)


def scored(table, variables, arms=("one",)):
    task = ClassificationTask(cohorts_of(table), RECIPE, scored=COMPETITION, subgroups=variables)
    rng = np.random.default_rng(5)
    runs = {arm: {seed: rng.random((TEST, 14)) for seed in (0, 1)} for arm in arms}
    (part,) = task.parts
    rows = task.cohorts.first.test
    found = list(subgroup_scores(runs, part, table, rows, variables))
    return runs, {(one.arm, one.variable, one.group, one.label): one for one in found}


def test_a_group_is_scored_as_its_images_alone():
    table = stated()
    runs, found = scored(table, ("sex", "projection"), ("one", "other"))
    for arm in runs:
        for variable, group, inside in (
            ("sex", "female", np.arange(TEST) < 80),
            ("projection", "PA", np.arange(TEST) % 2 == 1),
        ):
            for label in COMPETITION:
                one = found[arm, variable, group, label]
                column = OBSERVATIONS.index(label)
                truth = table.labels[:TEST][inside][:, [column]].astype(float)
                areas = [
                    auroc_per_label(scores[inside][:, [column]], truth)[0] for scores in runs[arm].values()
                ]
                assert one.value == pytest.approx(np.mean(areas))
                assert (one.images, one.patients) == (inside.sum(), 40 if variable == "sex" else 60)
                assert (one.positives, one.negatives) == (truth.sum(), (1 - truth).sum())
                assert one.interval[0] < one.value < one.interval[1]
                assert not one.why
            mean = found[arm, variable, group, "mean"]
            own = [found[arm, variable, group, label].value for label in COMPETITION]
            assert mean.value == pytest.approx(np.mean(own))
            assert mean.positives is None


def test_too_few_patients_have_no_score_but_are_counted():
    _, found = scored(stated(), ("sex",))
    men = [one for (_, _, group, _), one in found.items() if group == "male"]
    assert len(men) == 6
    assert {(one.value, one.interval, one.images, one.patients) for one in men} == {(None, None, 8, 4)}
    assert {group for _, _, group, _ in found} == {"female", "male", "not stated"}
    assert {one.why for one in men} == {""}
    # Of some who state nothing there is a score, but without an interval.
    unstated = [one for (_, _, group, _), one in found.items() if group == "not stated"]
    assert all(one.value is not None and one.interval is None for one in unstated)
    assert all("fewer than" in one.why for one in unstated)
    # Four women alone have a finding: in eight images, but of four patients.
    labels = stated().labels.copy()
    labels[:, OBSERVATIONS.index("Edema")] = np.arange(len(labels)) % 20 < 2
    rare = labels[:80, OBSERVATIONS.index("Edema")]
    assert rare.sum() == 8
    _, found = scored(stated(labels=labels), ("sex",))
    assert found["one", "sex", "female", "Edema"].value is None
    assert found["one", "sex", "female", "Edema"].positives == 8
    assert found["one", "sex", "female", "Atelectasis"].value is not None
    # A mean over the other labels would be another number than that of all test images.
    assert found["one", "sex", "female", "mean"].value is None


def test_ages_fall_into_groups_and_what_is_not_stated_is_one():
    ages = np.full(TEST + 40, np.nan, np.float32)
    ages[:8] = [0.5, 19.9, 20, 39, 40, 79.9, 80, 101]
    table = stated(ages=ages)
    rows = np.arange(9)
    assert groups_of(table, rows, "age").tolist() == [
        *("below 20", "below 20", "20 to 39", "20 to 39", "40 to 59", "60 to 79"),
        *("80 and above", "80 and above", "not stated"),
    ]
    _, found = scored(table, ("age",))
    assert list(dict.fromkeys(group for _, _, group, _ in found)) == [
        *("below 20", "20 to 39", "40 to 59", "60 to 79", "80 and above", "not stated"),
    ]


def test_what_no_image_states_is_told():
    table = stated()
    rows = np.arange(TEST)
    assert notes_on_subgroups(table, rows, ("sex", "projection")) == []
    assert notes_on_subgroups(table, rows, ("sex", "age")) == [
        "none of 120 test images states age in the cache: where the source does, ingest it again"
    ]


def test_what_is_asked_for():
    assert variables_of("none") == ()
    assert variables_of("all") == ("sex", "age", "projection")
    assert variables_of("projection, sex") == ("sex", "projection")
    with pytest.raises(ProtocolError, match="none goes with no other"):
        variables_of("none,sex")
