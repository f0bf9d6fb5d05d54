"""Who can be trained on, who chooses, who is tested: LUNA16's scans with and without nodules."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.volumes import all_cases
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.tasks.candidates.candidates import read_candidates
from pcrl.evaluation.tasks.candidates.task import CandidateTask
from tests.helpers.luna import tree as luna_tree
from tests.helpers.patients import TINY

pytestmark = pytest.mark.slow

RECIPE = load_recipe("pcrlv2-3d", [*TINY, "candidates.crop=[16, 16, 16]"])
REPLICATE = Replicate(0, None)


@pytest.fixture(scope="module")
def luna(tmp_path_factory):
    root = tmp_path_factory.mktemp("nodules")
    luna_tree.write_luna(root / "luna")
    return luna_tree.ingested(root / "luna", root / "cache")


def task(luna, folds=(), candidates=None, nodules=None):
    found = read_candidates(luna)
    chosen = all_cases(luna, Design(folds=folds, validation="all"))
    return CandidateTask(chosen, candidates or found[0], nodules or found[1], RECIPE)


def without_nodules(luna, split):
    """The candidates, those of a split no nodules."""
    candidates, _ = read_candidates(luna)
    there = [number for number, case in enumerate(luna.cases) if case.split == split]
    return replace(candidates, label=candidates.label & ~np.isin(candidates.case, there))


def test_validation_scans_with_a_nodule_choose_the_epoch(luna):
    found = task(luna)
    assert found.can_validate(REPLICATE)
    assert not any("its last epoch" in note for note in found.notes())


def test_validation_scans_without_a_nodule_choose_nothing_and_that_is_said(luna):
    found = task(luna, candidates=without_nodules(luna, "val"))
    assert not found.can_validate(REPLICATE)
    assert "no candidate of the validation scans is a nodule (seed0): every training runs to" in " ".join(
        found.notes()
    )


@pytest.mark.parametrize(("split", "part"), [("train", "training"), ("test", "test")])
def test_a_part_without_a_nodule_is_refused(luna, split, part):
    with pytest.raises(ProtocolError, match=f"no candidate of the [0-9]+ {part} scans is a nodule"):
        task(luna, candidates=without_nodules(luna, split))


def test_a_fold_without_a_nodule_is_tested_with_the_others(luna):
    candidates, _ = read_candidates(luna)
    (ninth,) = [number for number, case in enumerate(luna.cases) if case.name.endswith("9")]
    none = replace(candidates, label=candidates.label & (candidates.case != ninth))
    task(luna, (8, 9), candidates=none)
    with pytest.raises(ProtocolError, match="no candidate of the 1 test scans is a nodule"):
        task(luna, (9,), candidates=none)


def predictions(found, seed, threshold):
    """A network that gives 0.8 to nodules; of other candidates, just below the threshold to one a validation scan."""
    rng = np.random.default_rng(seed)
    made = {}
    for replicate in found.cohorts.replicates:
        made[replicate] = {}
        cohort = found.cohorts.of[replicate]
        for before, cases in (("", cohort.test), ("validation_", cohort.validation)):
            rows = found.candidates.rows_in([found.cohorts.dataset.cases.index(case) for case in cases])
            scores = np.where(found.candidates.label[rows], 0.8, rng.uniform(0, threshold, len(rows)))
            made[replicate] |= {f"{before}rows": rows, f"{before}probabilities": scores}
    return made


def test_the_operating_point_is_at_the_threshold_of_validation_scans(luna, tmp_path):
    found = task(luna)
    given = predictions(found, 0, 0.5)
    scored = found.score({"one": given}, tmp_path)
    rows = {row.metric: row for row in scored.rows["one"]}
    with (tmp_path / "thresholds.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["arm"], line["seed"], line["fold"]) == ("one", "0", "")
    threshold, one = float(line["threshold"]), given[REPLICATE]
    false = ~(found.candidates.label | found.candidates.excluded)
    accepted = (one["validation_probabilities"] >= threshold) & false[one["validation_rows"]]
    assert accepted.sum() == len(found.cohorts.of[REPLICATE].validation)
    assert rows["operating_sensitivity"].value == 1.0
    called = (one["probabilities"] >= threshold) & false[one["rows"]]
    scans = len(found.cohorts.of[REPLICATE].test)
    assert rows["operating_false_positives"].value == pytest.approx(called.sum() / scans)
    assert rows["operating_false_positives"].counts == {"scans": scans}
    assert {metric.name for metric in found.metrics} == set(rows)


def test_each_fold_is_called_at_its_own_threshold(luna, tmp_path):
    found = task(luna, (3, 9))
    given = predictions(found, 0, 0.5)
    first, second = given.values()
    # The network of the second fold gives everything a tenth.
    second = {name: values / 10 if "prob" in name else values for name, values in second.items()}
    plain, scaled = (
        {row.metric: row for row in found.score({"one": runs}, tmp_path).rows["one"]}
        for runs in (given, dict(zip(given, (first, second), strict=True)))
    )
    assert scaled["operating_false_positives"].value == plain["operating_false_positives"].value
    assert scaled["operating_sensitivity"].value == plain["operating_sensitivity"].value == 1.0


def test_without_validation_scans_there_is_no_operating_point_and_it_is_said(luna, tmp_path):
    chosen = all_cases(luna, Design(fraction=0.5))
    candidates, nodules = read_candidates(luna)
    found = CandidateTask(chosen, candidates, nodules, RECIPE)
    assert not chosen.of[REPLICATE].validation
    assert "no validation scans (seed0) to choose a threshold: there is no operating point" in found.notes()
    rows = {row.metric: row for row in found.score({"one": predictions(found, 0, 0.5)}, tmp_path).rows["one"]}
    assert rows["operating_sensitivity"].value is rows["operating_false_positives"].value is None


def test_test_scans_that_nobody_annotated_are_refused_before_anything_is_trained(luna):
    _, nodules = read_candidates(luna)
    elsewhere = replace(nodules, case=np.zeros_like(nodules.case))
    assert luna.cases[0].split == "train"
    with pytest.raises(ProtocolError, match=r"annotations\.csv has no nodule in the 1 test scans"):
        task(luna, nodules=elsewhere)
