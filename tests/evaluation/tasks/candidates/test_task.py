"""Who can be trained on, who chooses, who is tested: LUNA16's scans with and without nodules."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from pcrl.config import load_recipe
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.volumes import all_cases
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.tasks.candidates import task as task_module
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
    assert not any("its last epoch" in note for note in found.notes_on_training())


def test_validation_scans_without_a_nodule_choose_nothing_and_that_is_said(luna):
    found = task(luna, candidates=without_nodules(luna, "val"))
    assert not found.can_validate(REPLICATE)
    assert "no candidate of the validation scans is a nodule (seed0): every training runs to" in " ".join(
        found.notes_on_training()
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


@pytest.fixture
def predicted(monkeypatch):
    """Predictions of a network that gives each candidate a score of its own, and nodules higher ones."""

    def of(found):
        rng = np.random.default_rng(0)
        logits = rng.normal(size=(len(found.candidates), 1)) + 4 * found.candidates.label[:, None]
        monkeypatch.setattr(task_module, "logits_of", lambda model, crops, rows, device: logits[rows])
        model = found.build(None)
        runs = {
            replicate: found.predict(model, replicate, "one", torch.device("cpu"), Path())
            for replicate in found.cohorts.replicates
        }
        return runs, expit(logits[:, 0])

    return of


def false_in(found, cases):
    """Which candidates of these scans hit nothing."""
    rows = found.candidates.rows_in([found.cohorts.dataset.cases.index(case) for case in cases])
    return rows[(found.candidates.nodule[rows] < 0) & ~found.candidates.excluded[rows]]


def test_the_operating_point_is_at_the_threshold_of_validation_scans(luna, tmp_path, predicted):
    found = task(luna)
    given, probabilities = predicted(found)
    rows = {row.metric: row for row in found.score({"one": given}, tmp_path).rows["one"]}
    with (tmp_path / "thresholds.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["arm"], line["seed"], line["fold"]) == ("one", "0", "")
    threshold, cohort = float(line["threshold"]), found.cohorts.of[REPLICATE]
    accepted = probabilities[false_in(found, cohort.validation)] >= threshold
    assert accepted.sum() == len(cohort.validation)
    called = probabilities[false_in(found, cohort.test)] >= threshold
    assert rows["operating_false_positives"].value == pytest.approx(called.sum() / len(cohort.test))
    assert rows["operating_false_positives"].counts == {"scans": len(cohort.test)}
    assert rows["operating_sensitivity"].value == 1.0
    assert {metric.name for metric in found.metrics} == set(rows)


def test_each_fold_is_called_at_its_own_threshold(luna, tmp_path, predicted):
    found = task(luna, (3, 9))
    given, probabilities = predicted(found)
    called = 0
    for replicate, one in given.items():
        cohort, (threshold,) = found.cohorts.of[replicate], one["validation_threshold"]
        assert (probabilities[false_in(found, cohort.validation)] >= threshold).sum() == len(
            cohort.validation
        )
        called += (probabilities[false_in(found, cohort.test)] >= threshold).sum()
    assert len({float(one["validation_threshold"][0]) for one in given.values()}) == 2
    rows = {row.metric: row for row in found.score({"one": given}, tmp_path).rows["one"]}
    assert rows["operating_false_positives"].value == pytest.approx(called / 2)


def test_without_validation_scans_there_is_no_operating_point_and_it_is_said(luna, tmp_path, predicted):
    chosen = all_cases(luna, Design(fraction=0.5))
    found = CandidateTask(chosen, *read_candidates(luna), RECIPE)
    assert not chosen.of[REPLICATE].validation
    note = "no validation scans (seed0) to choose a threshold: there is no operating point"
    assert note in found.notes_on_training()
    rows = {row.metric: row for row in found.score({"one": predicted(found)[0]}, tmp_path).rows["one"]}
    assert rows["operating_sensitivity"].value is rows["operating_false_positives"].value is None
    assert (tmp_path / "thresholds.csv").read_text().splitlines()[1] == "one,0,,"


def test_test_scans_that_nobody_annotated_are_refused_before_anything_is_trained(luna):
    _, nodules = read_candidates(luna)
    elsewhere = replace(nodules, case=np.zeros_like(nodules.case))
    assert luna.cases[0].split == "train"
    with pytest.raises(ProtocolError, match=r"annotations\.csv has no nodule in the 1 test scans"):
        task(luna, nodules=elsewhere)
