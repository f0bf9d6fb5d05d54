"""`pretrain` as a library: what cannot be done leaves nothing behind, and what was killed goes on as it began."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from pcrl.config import RecipeError, load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.loading.order import LoaderError
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.models.weights.published import WeightsError
from pcrl.training.pretrain import pretrain
from pcrl.training.progress import Progress
from pcrl.training.records import run_folder
from pcrl.training.records.checkpoint import checkpoints
from pcrl.training.records.run_folder import read
from pcrl.training.stepping.step import Stepper
from pcrl.training.trainer import TrainingError
from tests.helpers import patients
from tests.helpers.command import pcrl

RECIPE = load_recipe("pcrlv2-3d", [*patients.TINY, "training.log_every=1"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("pretrain")
    patients.write_lits(root / "lits")
    list(run(plan(find("lits", root / "lits"), root / "cache", RECIPE), 1))
    return root / "cache"


def last_weights(folder):
    return load_file(checkpoints(folder / "checkpoints")[-1] / "weights.safetensors")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"overrides": ["training.batch_size=1000"]}, LoaderError, "do not fill one batch"),
        ({"overrides": ["objective.name=masked", "objective.edge=7"]}, RecipeError, r"objective\.edge"),
        ({"init": "nowhere"}, WeightsError, "no such file or folder"),
    ],
)
def test_what_cannot_be_done_leaves_no_run(cache, tmp_path, change, error, said):
    call = {"recipe": RECIPE, "out": tmp_path / "run", "device": "cpu"} | change
    with pytest.raises(error, match=said):
        pretrain(cache, **call)
    assert not (tmp_path / "run").exists()


class Killed(Progress):
    def stepped(self, report):
        raise KeyboardInterrupt


@pytest.mark.slow
def test_killed_in_its_first_epoch_it_goes_on_with_the_weights_that_it_began_with(cache, tmp_path):
    first = pretrain(cache, recipe=RECIPE, out=tmp_path / "first", device="cpu").folder
    call = {"recipe": RECIPE, "init": str(first), "device": "cpu"}
    straight = pretrain(str(cache), out=str(tmp_path / "straight"), **call).folder
    with pytest.raises(KeyboardInterrupt):
        pretrain(cache, out=tmp_path / "killed", progress=Killed(), **call)
    killed = pretrain(cache, out=tmp_path / "killed", resume=True, device="cpu")
    assert killed.finished
    ours, theirs = last_weights(killed.folder), last_weights(straight)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


class Twice(Progress):
    """Tries to go on with a run while it trains."""

    def __init__(self, cache, folder):
        self.call, self.said = (cache, folder), ""

    def stepped(self, report):
        if not self.said:
            cache, folder = self.call
            with pytest.raises(CacheError) as caught:
                pretrain(cache, out=folder, resume=True, device="cpu")
            self.said = str(caught.value)


@pytest.mark.slow
def test_a_run_is_trained_by_one_process_at_a_time(cache, tmp_path):
    said = []
    for resume in (False, True):
        watch = Twice(cache, tmp_path / "run")
        call = {"resume": True} if resume else {"recipe": RECIPE}
        if resume:
            (tmp_path / "run" / run_folder.FINISHED).unlink()
            last = checkpoints(tmp_path / "run/checkpoints")[-1]
            shutil.rmtree(last)
        assert pretrain(cache, out=tmp_path / "run", device="cpu", progress=watch, **call).finished
        said.append(watch.said)
    assert all("run is being written by process" in text for text in said)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_not_gone_on_with(cache, tmp_path):
    pretrain(cache, recipe=RECIPE, out=tmp_path / "run", device="cpu")
    (tmp_path / "run" / run_folder.FINISHED).unlink()
    (last,) = checkpoints(tmp_path / "run/checkpoints")
    with (last / "momentum.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    with pytest.raises(WeightsError, match=r"momentum.safetensors: damaged .* start a new run"):
        pretrain(cache, out=tmp_path / "run", resume=True, device="cpu")


def test_a_run_is_never_overwritten(cache, tmp_path):
    call = {"recipe": RECIPE, "out": tmp_path / "run", "device": "cpu"}
    pretrain(cache, datasets="lits", **call)
    before = last_weights(tmp_path / "run")
    with pytest.raises(run_folder.RunError, match="holds a run already"):
        pretrain(cache, init=tmp_path / "run", **call)
    with pytest.raises(run_folder.RunError, match="is a file"):
        pretrain(cache, **call | {"out": tmp_path / "run" / "run.json"})
    after = last_weights(tmp_path / "run")
    assert all(torch.equal(after[name], value) for name, value in before.items())


class Noted(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_a_run_of_an_earlier_version_goes_on_and_what_has_changed_is_said(cache, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        pretrain(cache, recipe=RECIPE, out=out, device="cpu", progress=Killed())
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record.pop("every_weight") is True
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    noted = Noted()
    assert pretrain(cache, out=out, resume=True, device="cpu", progress=noted).finished
    assert [note for note in noted.notes if "begun by an earlier version" in note]


@pytest.mark.slow
def test_too_little_memory_ends_with_what_fits(cache, tmp_path, monkeypatch):
    def step(self, views, *_):
        if len(views.target) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return done(self, views, *_)

    done = Stepper.step
    monkeypatch.setattr(Stepper, "step", step)
    with pytest.raises(
        TrainingError, match=r"too little memory for 4 samples at a time; 2 fit. Set training.batch_size=2"
    ):
        pretrain(cache, recipe=RECIPE, out=tmp_path / "run", device="cpu")


@pytest.mark.slow
def test_options_leave_a_profile_and_stay_with_the_run(cache, tmp_path):
    options = ("--set", "training.samples_per_case=12", "--deterministic", "--profile")
    settings = [word for setting in patients.TINY for word in ("--set", setting)]
    call = (
        "pretrain",
        "--cache",
        cache,
        "--recipe",
        "pcrlv2-3d",
        *settings,
        *options,
        "--out",
        "run",
        "--device",
        "cpu",
    )
    done = pcrl(*call, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/profile/trace.json").stat().st_size > 10_000
    assert read(tmp_path / "run").recipe.training.deterministic


@pytest.mark.slow
def test_a_damaged_case_is_skipped_counted_and_told(cache, tmp_path):
    damaged = shutil.copytree(cache, tmp_path / "cache")
    seen = pretrain(damaged, recipe=RECIPE, out=tmp_path / "whole", device="cpu")
    assert seen.replaced == {}
    name = next(case.name for case in Cache(damaged).dataset("lits").cases if case.entry.split == "train")
    (damaged / "lits/cases" / name / "image.ome.zarr/0/c/0/0/0/0").write_bytes(b"nothing")
    call = ("pretrain", "--device", "cpu", "--set", "training.log_every=1")
    for setting in patients.TINY:
        call += ("--set", setting)
    stopped = pcrl(*call, "--out", "stopped", cwd=tmp_path)
    assert stopped.returncode == 1
    assert f"lits/{name}: " in stopped.stderr
    assert "7 bytes, " in stopped.stderr
    assert "Traceback" not in stopped.stderr
    done = pcrl(*call, "--on-corrupt", "skip", "--out", "skipped", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert f"case lits/{name} cannot be read, samples of others take its place" in said
    assert "epoch 1: 1 case cannot be read" in said
    totals = json.loads((tmp_path / "skipped/finished.json").read_text(encoding="utf-8"))
    assert list(totals["replaced"]) == [f"lits/{name}"]
    last = json.loads((tmp_path / "skipped/metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert last["unreadable_cases"] == 1
    assert last["replaced_samples"] == totals["replaced"][f"lits/{name}"] > 0
    record = json.loads((tmp_path / "skipped/run.json").read_text(encoding="utf-8"))
    assert record["recipe"]["training"]["on_corrupt"] == "skip"
