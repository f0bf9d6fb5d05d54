"""CheXpert's valid and test are scored each on its own; all other test images are one set."""

from dataclasses import replace

import numpy as np
import pytest

from pcrl.datasets.layouts.images.chexpert import COMPETITION, OBSERVATIONS
from pcrl.evaluation.tasks.classification.subsets.parts import notes_on, parts_of
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.classification.uncertain import targets
from tests.helpers.radiographs import RECIPE, chexpert_table, cohorts_of


def split_up(table, scored=COMPETITION):
    rows = table.where("test")
    truth = targets(table.labels, "ignore", table.label_names)
    return rows, parts_of(table, rows, truth[rows], scored, table.label_names)


def test_each_set_has_its_own_images_and_the_end_point_is_of_test():
    table = chexpert_table(valid=30, test=50)
    rows, (first, second) = split_up(table)
    assert [(part.name, part.suffix, len(part.places)) for part in (first, second)] == [
        ("test", "", 50),
        ("valid", " (valid)", 30),
    ]
    for part in (first, second):
        assert part.tables.images == [table.names[row] for row in rows[part.places]]
        assert all(name.startswith(f"{part.name}/") for name in part.tables.images)
        assert part.tables.scored == list(COMPETITION)
    (note,) = notes_on((first, second))
    assert note == (
        "the end point is of CheXpert's published test (50 images of 25 patients); scored on its own, as well: "
        "CheXpert's published valid (30 images of 15 patients), in rows marked (valid)"
    )


def test_one_set_alone_is_the_end_point_and_named():
    _, (only,) = split_up(chexpert_table(valid=30, test=0))
    assert (only.name, only.suffix) == ("valid", "")
    assert notes_on([only]) == [
        "scored, and the end point: CheXpert's published valid (30 images of 15 patients)"
    ]


def test_images_of_other_data_are_one_set_whatever_their_names():
    table = replace(chexpert_table(valid=30, test=50), label_names=("x", *OBSERVATIONS[1:]))
    rows, (only,) = split_up(table, ("x",))
    assert (only.name, only.suffix, len(only.places)) == ("", "", len(rows)) == ("", "", 80)
    assert notes_on([only]) == []


@pytest.mark.parametrize("arms", [("one", "other")])
def test_scores_of_a_set_are_those_of_its_images_alone(tmp_path, arms):
    both, alone = chexpert_table(valid=40, test=60), chexpert_table(valid=0, test=60)
    task, of_test = (
        ClassificationTask(cohorts_of(table), RECIPE, scored=COMPETITION) for table in (both, alone)
    )
    rng = np.random.default_rng(3)
    drawn = {arm: rng.random((100, 14)) for arm in arms}
    (replicate,) = task.cohorts.replicates
    validation = rng.random((len(task.cohorts.first.validation), 14))

    def predicted(places):
        return {
            arm: {replicate: {"probabilities": drawn[arm][places], "validation": validation}} for arm in arms
        }

    whole = task.score(predicted(np.arange(100)), tmp_path / "both")
    places = task.parts[0].places
    part = of_test.score(predicted(places), tmp_path / "test")
    for arm in arms:
        plain = [row for row in whole.rows[arm] if not row.label.endswith("(valid)")]
        marked = [row for row in whole.rows[arm] if row.label.endswith("(valid)")]
        assert plain == list(part.rows[arm])
        assert whole.rows[arm][0].label == COMPETITION[0]
        assert [f"{row.label} (valid)" for row in plain] == [row.label for row in marked]
        assert {row.beside for row in plain} == {False}
        assert {row.beside for row in marked} == {True}
        assert marked[0].patients == 20
        assert plain[0].patients == 30
        assert marked[0].value != plain[0].value
    assert [one for one in whole.comparisons if not one.label.endswith("(valid)")] == list(part.comparisons)
    assert len(whole.comparisons) == 2 * len(part.comparisons)
    assert all(one.beside == one.label.endswith("(valid)") for one in whole.comparisons)
    assert len(whole.lines) == 2 * len(part.lines)
