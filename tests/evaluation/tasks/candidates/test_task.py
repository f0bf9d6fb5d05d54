"""Who can be trained on, who chooses, who is tested: LUNA16's scans with and without nodules."""

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


def test_test_scans_that_nobody_annotated_are_refused_before_anything_is_trained(luna):
    _, nodules = read_candidates(luna)
    elsewhere = replace(nodules, case=np.zeros_like(nodules.case))
    assert luna.cases[0].split == "train"
    with pytest.raises(ProtocolError, match=r"annotations\.csv has no nodule in the 1 test scans"):
        task(luna, nodules=elsewhere)
