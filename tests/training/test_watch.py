"""Faults of a step: found once its values are there, named, and stopped at or left out."""

import math

import pytest
import torch
from safetensors.torch import load_file

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.training.pretrain import pretrain
from pcrl.training.progress import Progress
from pcrl.training.records.checkpoint import checkpoints
from pcrl.training.stepping.step import Stepper
from pcrl.training.trainer import StepFaultError, Trainer
from pcrl.training.watch import FaultError, Watch
from tests.helpers import patients


def watched(norms, spike=None, last=1.0):
    notes = []
    watch = Watch(spike, note=notes.append)
    for number, norm in enumerate(norms, 1):
        watch.step(number, ["b", "a", "b"], 0.5, norm)
    watch.step(len(norms) + 1, ["b", "a", "b"], 0.5, last)
    return watch, notes


def test_what_is_not_finite_is_a_fault_and_named():
    for loss, norm, said in (
        (math.nan, 1.0, "the loss is nan"),
        (0.5, math.inf, "gradients is inf at a loss of 0.5"),
    ):
        with pytest.raises(FaultError, match=rf"{said}.* of step 7; cases in the batch: a, b$") as caught:
            Watch(None).step(7, ["b", "a", "b"], loss, norm)
        assert caught.value.step == 7


def test_a_spike_is_noted_or_a_fault():
    usual = [1.0, 2.0, 3.0] * 7
    assert watched(usual, last=39.0)[1] == []
    watch, (note,) = watched(usual, last=42.0)
    assert "42, is 21 times the median before: those of step 22; cases in the batch: a, b" in note
    assert watch.recent[-1] == 42.0
    with pytest.raises(FaultError, match="is 4 times the median"):
        watched(usual, spike=3, last=8.0)
    assert watched(usual[:15], spike=3, last=1000.0)[1] == []  # Of so few steps nobody knows.


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("watch")
    patients.write_lits(root / "lits")
    list(run(plan(find("lits", root / "lits"), root / "cache", recipe("stop")), 1))
    return root / "cache"


def recipe(on_fault):
    settings = ("training.epochs=3", "training.log_every=2", f"training.on_fault={on_fault}")
    return load_recipe("pcrlv2-3d", [*patients.TINY, *settings])


class Notes(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def overflow(monkeypatch):
    """From now on, the gradients of these steps overflow, whose loss is finite."""
    steps, original = set(), Stepper.step

    def step(self, views, keys, moment, stop=False, pictures=False):
        done = original(self, views, keys, moment, stop, pictures)
        if moment.epoch * moment.steps + moment.step + 1 in steps:
            done.norm.fill_(math.inf)
            with torch.no_grad():
                next(self.network.parameters()).fill_(math.nan)
        return done

    monkeypatch.setattr(Stepper, "step", step)
    return steps


def weights(folder):
    return load_file(checkpoints(folder / "checkpoints")[-1] / "weights.safetensors")


@pytest.mark.slow
def test_a_fault_stops_the_run_at_its_last_good_checkpoint(cache, tmp_path, overflow):
    overflow.add(7)
    with pytest.raises(StepFaultError, match=r"of step 7; .*Last good checkpoint: .*epoch-0001-step-000000"):
        pretrain(cache, recipe=recipe("stop"), out=tmp_path / "run", device="cpu")
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())


@pytest.mark.slow
def test_or_it_goes_back_and_leaves_the_step_out(cache, tmp_path, overflow, monkeypatch):
    straight, original = tmp_path / "straight", Trainer.__init__
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "__init__", lambda *a, **k: original(*a, **k | {"skip": (2, 7)}))
        pretrain(cache, recipe=recipe("back"), out=straight, device="cpu")
    overflow |= {2, 7}
    watch = Notes()
    done = pretrain(cache, recipe=recipe("back"), out=tmp_path / "run", device="cpu", progress=watch)
    assert done.finished
    first, second = (note for note in watch.notes if "Back to" in note)
    assert "of step 2; cases in the batch: lits/volume-" in first
    assert "Back to the first weights, and on without step 2 (1 of at most 5 times)" in first
    assert "epoch-0001-step-000000, and on without step 7 (2 of at most 5 times)" in second
    ours, theirs = weights(done.folder), weights(straight)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    lines = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("run", "straight")]
    assert len(lines[0]) == len(lines[1])


@pytest.mark.slow
def test_what_faults_again_and_again_stops(cache, tmp_path, overflow):
    overflow |= set(range(2, 9))
    with pytest.raises(StepFaultError, match="of step 7"):
        pretrain(cache, recipe=recipe("back"), out=tmp_path / "run", device="cpu")
