"""Which training of an evaluation `pcrl predict` takes."""

from pathlib import Path

import pytest

from pcrl.evaluation.predict.trained import open_trained
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import Request, save_request


def evaluation(folder, arms, *ended, checkpoints=()):
    request = Request(
        task="lits", dataset="lits", command="", cache=Path("cache"), runs=Path("runs"), arms=arms,
        checkpoints=checkpoints, rebuild={"kind": "segmentation"},
    )  # fmt: skip
    save_request(request, folder)
    for name in ended:
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "run.json").touch()
    return folder


@pytest.mark.parametrize(
    ("arms", "ended", "first"),
    [
        (("scratch", "scratch-long"), ("scratch-long-seed0", "scratch-seed0"), "scratch-seed0"),
        (("scratch-long", "scratch"), ("scratch-long-seed0", "scratch-seed0"), "scratch-long-seed0"),
        (("scratch", "scratch-long"), ("scratch-long-seed0",), "scratch-long-seed0"),
        (("pretrained", "scratch"), ("pretrained-seed10", "pretrained-seed2", "scratch-seed0"), "pretrained-seed2"),
        (("scratch",), ("scratch-seed0-fold10", "scratch-seed0-fold2", "scratch-seed1-fold2"), "scratch-seed0-fold2"),
    ],
)  # fmt: skip
def test_of_an_evaluation_the_first_arms_first_training_that_has_ended(tmp_path, arms, ended, first):
    folder = evaluation(tmp_path / "scores", arms, *ended)
    found = open_trained(folder, "lits")
    assert (found.folder.name, found.task.kind) == (first, "segmentation")
    assert open_trained(folder / "runs" / ended[-1], "lits").folder.name == ended[-1]


def test_several_checkpoints_go_in_the_order_in_which_they_were_given(tmp_path):
    ended = ("pretrained-b-seed0", "pretrained-a-seed0", "pretrained-a-seed1")
    for given, first in ((("b", "a"), "pretrained-b-seed0"), (("a", "b"), "pretrained-a-seed0")):
        paths = tuple(Path("runs") / name for name in given)
        folder = evaluation(tmp_path / first, ("pretrained",), *ended, checkpoints=paths)
        assert open_trained(folder, "lits").folder.name == first


def test_what_is_no_training_is_said(tmp_path):
    folder = evaluation(tmp_path / "scores", ("scratch",))
    (folder / "runs/scratch-seed0").mkdir(parents=True)
    with pytest.raises(ProtocolError, match="no training has finished yet; continue the evaluation"):
        open_trained(folder, "lits")
    with pytest.raises(
        ProtocolError, match=r"this training has not finished; continue its evaluation with --resume"
    ):
        open_trained(folder / "runs/scratch-seed0", "lits")
    with pytest.raises(ProtocolError, match="is of lits, not of brats: pcrl predict lits --run"):
        open_trained(folder, "brats")
    with pytest.raises(ProtocolError, match="is not an evaluation: give the folder of one"):
        open_trained(tmp_path, "lits")
