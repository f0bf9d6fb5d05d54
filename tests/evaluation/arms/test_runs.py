"""Which runs an evaluation takes, and which arms it makes of them."""

import json
import os

import pytest
import torch

from pcrl.engine.cache.cache import Cache
from pcrl.engine.fingerprints.fingerprints import Collection
from pcrl.evaluation.arms.choose import choose
from pcrl.evaluation.arms.runs import newest_compatible, open_run
from pcrl.evaluation.leak.check import Allowed
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.training.records import run_folder
from tests.helpers import patients
from tests.helpers.made_runs import COMPARISON, MODEL, RESTORATION, make, recipe

pytestmark = pytest.mark.slow


def runs_of(lits, root):
    """Three runs: of both objectives, of restoration only, of comparison only."""
    make(lits, root / "both", 3)
    make(lits, root / "restoration", 2, recipe(*RESTORATION))
    make(lits, root / "comparison", 1, recipe(*COMPARISON))


def pick(root, *kinds, checkpoints=(), model=MODEL, controls=None):
    return choose(kinds, checkpoints, model, root, root / "cache", controls)


def test_the_newest_finished_run_that_fits_and_why_others_do_not(lits, tmp_path):
    make(lits, tmp_path / "old", 6)
    make(lits, tmp_path / "right", 5)
    make(lits, tmp_path / "wider", 4, recipe("model.width=8"))
    make(lits, tmp_path / "unfinished", 3, finished=False)
    make(lits, tmp_path / "restoration", 2, recipe(*RESTORATION))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / run_folder.RUN).write_text(json.dumps({"recipe": 3}))
    os.utime(tmp_path / "damaged" / run_folder.RUN, (2e9, 2e9))
    found, passed_over = newest_compatible(tmp_path, MODEL)
    assert found.path == tmp_path / "right"
    text = "\n".join(passed_over)
    assert "unfinished: not finished" in text
    assert "wider: a 3D network of width 8 and 3 levels, not a 3D network of width 4 and 3 levels" in text
    assert "restoration: its objective is restoration" in text
    assert "damaged" in text
    assert "old" not in text
    assert [note for note in pick(tmp_path, "pretrained").notes if "not used" in note]


def test_no_runs_at_all(tmp_path):
    assert newest_compatible(tmp_path / "runs", MODEL) == (None, [])
    with pytest.raises(
        ProtocolError, match=rf"no finished run in {tmp_path} fits.*\n  pcrl pretrain --cache"
    ):
        pick(tmp_path, "pretrained")


def test_a_run_a_checkpoint_and_imported_weights_can_be_named(lits, tmp_path):
    weights = make(lits, tmp_path / "run", 1)
    of_run, of_checkpoint = open_run(tmp_path / "run"), open_run(weights)
    assert of_run.record == of_checkpoint.record is not None
    assert set(of_run.record.patients) == {f"volume-{n}" for n in patients.TRAIN}
    torch.testing.assert_close(of_run.state, of_checkpoint.state)
    imported = tmp_path / "imported"
    weights.rename(imported)
    assert open_run(imported).record is None
    with pytest.raises(ProtocolError, match="no checkpoint yet"):
        open_run(tmp_path / "run")
    notes = pick(tmp_path, "pretrained", checkpoints=[imported]).notes
    assert any("not fully known" in note and "imported" in note for note in notes)
    assert (
        not pick(tmp_path, "pretrained", checkpoints=[imported])
        .saw_test(Collection().fingerprints, Cache(lits.folder.parent), Allowed(), print)
        .saw
    )


def test_what_a_pre_training_learnt_from():
    assert recipe().objective.name == "pcrlv2"
    assert recipe(*RESTORATION).objective.name == "restoration"
    assert recipe("objective.mid_restoration=0", *RESTORATION).objective.name == "restoration"
    assert recipe(*COMPARISON).objective.name == "comparison"
    assert recipe("objective.restoration=0").objective.name == "pcrlv2"


def test_arms_come_in_the_order_asked_for_with_the_weights_they_say(lits, tmp_path):
    runs_of(lits, tmp_path)
    kinds = ("scratch", "pretrained", "permuted", "restoration", "comparison", "shuffled", "scratch-long")
    chosen = pick(tmp_path, *kinds)
    arms = {arm.name: arm for arm in chosen.arms}
    assert tuple(arms) == kinds
    assert {name for name, arm in arms.items() if arm.state is None} == {"scratch", "scratch-long"}
    assert {arms[name].checkpoint for name in ("pretrained", "permuted", "shuffled")} == {tmp_path / "both"}
    for name in ("restoration", "comparison"):
        assert arms[name].checkpoint == tmp_path / name
        torch.testing.assert_close(arms[name].state, open_run(tmp_path / name).state)
        assert f"objective {name}" in arms[name].about
    assert [arm.name for arm in chosen.arms if arm.permuted] == ["permuted"]
    assert [arm.name for arm in chosen.arms if arm.shuffled] == ["shuffled"]
    assert [arm.name for arm in chosen.arms if arm.longer] == ["scratch-long"]
    assert not [note for note in chosen.notes if "differs" in note]


def test_from_scratch_alone_needs_no_run(tmp_path):
    chosen = pick(tmp_path, "scratch", "scratch-long")
    assert (chosen.model, chosen.weights, chosen.notes) == (MODEL, (), ())


def test_a_control_that_had_other_steps_is_said_to_be_unlike(lits, tmp_path):
    make(lits, tmp_path / "both", 2)
    make(lits, tmp_path / "control", 1, recipe(*RESTORATION, "training.epochs=7", "training.batch_size=2"))
    (note,) = (note for note in pick(tmp_path, "pretrained", "restoration").notes if "differs" in note)
    assert note == (
        f"{tmp_path / 'control'} differs from {tmp_path / 'both'} in more than its objective: epochs, batch size"
    )


@pytest.mark.parametrize("kind", ["restoration", "comparison", "masked"])
def test_a_control_that_is_not_there_comes_with_the_command_that_makes_it(lits, tmp_path, kind):
    make(lits, tmp_path / "both", 1)
    with pytest.raises(
        ProtocolError,
        match=rf"has the objective {kind}. Make one.*\n  pcrl pretrain --cache \S+ --set objective.name={kind}\n",
    ):
        pick(tmp_path, "pretrained", kind)


def test_controls_that_are_known_are_kept_whatever_is_newer(lits, tmp_path):
    runs_of(lits, tmp_path)
    make(lits, tmp_path / "newer", 0, recipe(*RESTORATION))
    (arm,) = pick(tmp_path, "restoration").arms
    assert arm.checkpoint == tmp_path / "newer"
    (arm,) = pick(tmp_path, "restoration", controls={"restoration": tmp_path / "restoration"}).arms
    assert arm.checkpoint == tmp_path / "restoration"


def test_several_checkpoints_are_arms_of_their_own_and_the_first_has_the_controls(lits, tmp_path):
    one, other = make(lits, tmp_path / "a", 2), make(lits, tmp_path / "b", 1)
    chosen = pick(tmp_path, "pretrained", "permuted", "scratch", checkpoints=[tmp_path / "a", tmp_path / "b"])
    assert [arm.name for arm in chosen.arms] == ["pretrained-a", "pretrained-b", "permuted", "scratch"]
    assert chosen.arms[2].checkpoint == tmp_path / "a"
    # Checkpoints are named with their run.
    names = [arm.name for arm in pick(tmp_path, "pretrained", checkpoints=[one, other]).arms]
    assert names == [f"pretrained-{run}-epoch-0001-step-000000" for run in "ab"]


def test_checkpoints_that_cannot_be_told_apart_or_have_no_common_control_are_refused(lits, tmp_path):
    for folder in ("x/run", "y/run"):
        make(lits, tmp_path / folder, 1)
    with pytest.raises(ProtocolError, match="two checkpoints would both be the arm pretrained-run"):
        pick(tmp_path, "pretrained", checkpoints=[tmp_path / "x/run", tmp_path / "y/run"])
    make(lits, tmp_path / "wide", 1, recipe("model.width=8"))
    with pytest.raises(ProtocolError, match=r"wide is a 3D network of width 8.*no control arm fits both"):
        pick(tmp_path, "pretrained", checkpoints=[tmp_path / "x/run", tmp_path / "wide"])


def test_the_network_is_that_of_the_weights(lits, tmp_path):
    make(lits, tmp_path / "wide", 1, recipe("model.width=8"))
    chosen = pick(tmp_path, "scratch", checkpoints=[tmp_path / "wide"])
    assert chosen.model.width == 8
    assert [arm.name for arm in chosen.arms] == ["scratch"]


def test_an_arm_is_called_like_an_objective_and_a_masked_run_is_no_control(lits, tmp_path):
    """A new objective is an arm, and may be the pre-trained one, without anything that knows its name."""
    make(lits, tmp_path / "both", 2)
    make(lits, tmp_path / "hidden", 1, recipe("objective.name=masked", "objective.edge=4"))
    arms = {arm.name: arm for arm in pick(tmp_path, "pretrained", "pcrlv2").arms}
    assert arms["pretrained"].checkpoint == tmp_path / "hidden"
    assert arms["pcrlv2"].checkpoint == tmp_path / "both"
    arms = {arm.name: arm for arm in pick(tmp_path, "masked", "pcrlv2").arms}
    assert arms["masked"].checkpoint == tmp_path / "hidden"
    assert arms["masked"].about.endswith("objective masked")
    with pytest.raises(
        ProtocolError, match=r"pretrained and masked are the same run, .*hidden: leave one of them out"
    ):
        pick(tmp_path, "pretrained", "masked")


def test_a_run_of_an_objective_that_is_not_there_is_not_called_damaged(lits, tmp_path):
    make(lits, tmp_path / "first", 1)
    make(lits, tmp_path / "theirs", 1)
    record = tmp_path / "theirs" / run_folder.RUN
    content = json.loads(record.read_text())
    content["recipe"]["objective"] = {"name": "barlow"}
    record.write_text(json.dumps(content))
    os.utime(record, (2e9, 2e9))
    chosen = pick(tmp_path, "pretrained")
    assert chosen.arms[0].checkpoint == tmp_path / "first"
    assert chosen.notes[0].endswith(
        "run.json has a recipe that this version of pcrl cannot use: objective.name = 'barlow': there are pcrlv2, "
        "restoration, comparison, masked"
    )
