"""Which run an evaluation takes when none is named."""

import json
import os

import patients
import pytest
import torch

from pcrl.engine.cache.cache import Cache
from pcrl.evaluation.protocol import ProtocolError
from pcrl.evaluation.runs import newest_compatible, open_run
from pcrl.models.nsunet3d import build
from pcrl.models.weights import save_weights
from pcrl.training import run_folder
from pcrl.training.selection import select

MODEL = patients.RECIPE.model
FRESH = run_folder.Start("fresh", fresh=True)
WIDER = MODEL.model_copy(update={"width": 8})


def make(lits, out, age, model=MODEL, finished=True):
    recipe = patients.RECIPE.model_copy(update={"model": model})
    run_folder.create(out, recipe, select(Cache(lits.folder.parent), ("lits",), recipe), FRESH)
    torch.manual_seed(age)
    weights = out / run_folder.CHECKPOINTS / "epoch-0001-step-000000"
    weights.mkdir(parents=True)
    save_weights(weights, model, build(model).state_dict(), {"epoch": 1, "step": 0})
    if finished:
        (out / run_folder.FINISHED).write_text("{}")
    os.utime(out / run_folder.RUN, (2e9 - age, 2e9 - age))
    return weights


def test_the_newest_finished_run_that_fits_and_why_others_do_not(lits, tmp_path):
    make(lits, tmp_path / "old", 5)
    make(lits, tmp_path / "right", 4)
    make(lits, tmp_path / "wider", 3, WIDER)
    make(lits, tmp_path / "unfinished", 2, finished=False)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / run_folder.RUN).write_text(json.dumps({"recipe": 3}))
    os.utime(tmp_path / "damaged" / run_folder.RUN, (2e9, 2e9))
    found, passed_over = newest_compatible(tmp_path, MODEL)
    assert found.path == tmp_path / "right"
    text = "\n".join(passed_over)
    assert "unfinished: not finished" in text
    assert "wider: a 3D network of width 8 and 3 levels, not a 3D network of width 4 and 3 levels" in text
    assert "damaged" in text
    assert "old" not in text


def test_no_runs_at_all(tmp_path):
    assert newest_compatible(tmp_path / "runs", MODEL) == (None, [])


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
