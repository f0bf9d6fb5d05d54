"""Training: schedules, what is held back, what is logged, and resume to the last bit."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.loading.order import LoaderError
from pcrl.engine.selection.select import held_patients, select
from pcrl.engine.selection.volumes import select_volumes
from pcrl.engine.splits import split_of
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.training.records import run_folder
from pcrl.training.records.checkpoint import checkpoints, load
from pcrl.training.trainer import Trainer, TrainingError, initial_state
from tests.helpers import scans
from tests.helpers.command import begun, pcrl, refused

TINY = [
    *scans.VIEWS,
    "model.width=4",
    "training.batch_size=4",
    "training.epochs=3",
    "training.samples_per_case=4",
    "training.log_every=2",
    "training.picture_every=2",
]
RECIPE = load_recipe("pcrlv2-3d", TINY)
CPU = torch.device("cpu")
FRESH = run_folder.Start("fresh", fresh=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("training")
    for n in range(8):
        scans.write(root / f"lits/volume-{n}.nii", scans.body((24, 32, 40)))
        if n < 6:
            scans.write(root / f"lits/segmentation-{n}.nii", (scans.body((24, 32, 40)) > 0).astype(np.uint8))
    for n in range(2):
        scans.write(root / f"scans/volume-{n}.nii", scans.body((24, 32, 40)))
    for name, source in (("lits", "lits"), ("folder", "scans")):
        list(run(plan(find(name, root / source), root / "cache", RECIPE), 1))
    return root / "cache"


def selection(cache, names=("lits",), recipe=RECIPE):
    return select(Cache(cache), names, recipe)


def test_held_back_patients_are_seen_nowhere(cache):
    chosen = selection(cache, ())
    seen = {case.patient for case in chosen.cases}
    assert seen
    assert all(split_of(patient) == "train" for patient in seen)
    # volume-n of the other data set is taken for the same patient as volume-n of LiTS.
    held = [n for n in range(8) if split_of(f"volume-{n}") != "train"]
    assert chosen.held_back == len(held) + len([n for n in held if n < 2])
    opened = Cache(cache)
    scans_only = opened.datasets(("scans",))
    lung = load_recipe("pcrlv2-3d", [*TINY, "views.tissue=lung"])
    alone = select_volumes(scans_only, held_patients(scans_only, []), lung)
    assert (len(alone.cases), alone.held_back, alone.rules) == (2, 0, ("lung", "lung"))


def finished(cache, out, recipe=RECIPE):
    chosen = selection(cache, recipe=recipe)
    run_folder.create(out, recipe, chosen, FRESH)
    shown = []
    assert Trainer(chosen, out, CPU).run(shown.append)
    return shown


def last_weights(out):
    return load_file(checkpoints(out / "checkpoints")[-1] / "weights.safetensors")


def test_a_run_learns_and_leaves_what_it_should(cache, tmp_path):
    shown = finished(cache, tmp_path / "run")
    record = run_folder.read(tmp_path / "run")
    assert record.recipe == RECIPE
    assert set(record.patients) == {case.patient for case in selection(cache).cases}
    assert run_folder.is_finished(tmp_path / "run")
    lines = [
        json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["step"] for line in lines] == [report.step for report in shown]
    assert lines[-1]["step"] == shown[-1].steps
    assert lines[-1]["restoration"] < lines[0]["restoration"]
    for name in (
        "loss",
        "global_cosine",
        "local_cosine",
        "psnr",
        "spread_level_0",
        "samples_per_second",
        "waiting",
    ):
        assert np.isfinite(lines[-1][name])
    assert (tmp_path / "run/pictures/epoch-0001.png").stat().st_size > 5000
    assert (tmp_path / "run/pictures/epoch-0003.png").exists()
    assert list((tmp_path / "run/tensorboard").iterdir())
    with pytest.raises(run_folder.RunError, match="holds a run already"):
        run_folder.create(tmp_path / "run", RECIPE, selection(cache), FRESH)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("objective.name=masked", "objective.edge=4", "views.locals=0"),
        ("training.optimizer=adamw", "training.warmup_epochs=1", "training.clip_norm=0.5"),
    ],
    ids=["pcrlv2", "masked", "adamw"],
)
def test_stopped_and_resumed_it_ends_with_the_same_bits(cache, tmp_path, changes):
    recipe = load_recipe("pcrlv2-3d", [*TINY, *changes])
    finished(cache, tmp_path / "straight", recipe)
    out, chosen = tmp_path / "stopped", selection(cache, recipe=recipe)
    run_folder.create(out, recipe, chosen, FRESH)
    trainer = Trainer(chosen, out, CPU)

    def stop(report):
        if report.step >= 4:
            trainer.stopping.set()

    assert not trainer.run(stop)
    place = trainer.position
    assert (place.epoch, place.step) == (0, 4) or place.epoch == 1
    assert Trainer(chosen, out, CPU, resume=True).run(lambda _: None)
    straight, resumed = last_weights(tmp_path / "straight"), last_weights(out)
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    steps = [
        json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert steps == sorted(set(steps))


@pytest.mark.slow
def test_stopped_between_two_lines_of_its_log_it_goes_on_with_the_same_lines(cache, tmp_path):
    finished(cache, tmp_path / "straight")
    out, chosen = tmp_path / "stopped", selection(cache)
    run_folder.create(out, RECIPE, chosen, FRESH)
    trainer = Trainer(chosen, out, CPU)
    step = trainer._stepper.step

    def stop_at_the_third(*arguments):
        if trainer.steps_done == 2:
            trainer.stopping.set()
        return step(*arguments)

    trainer._stepper.step = stop_at_the_third
    assert not trainer.run(lambda _: None)
    assert trainer.steps_done == 3
    assert Trainer(chosen, out, CPU, resume=True).run(lambda _: None)
    straight, resumed = (
        [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        for run in (tmp_path / "straight", out)
    )
    for line in (*straight, *resumed):
        del line["samples_per_second"], line["waiting"]
    assert resumed == straight


@pytest.mark.slow
def test_a_recipe_chooses_optimiser_warm_up_and_clipping(cache, tmp_path):
    changes = ("training.optimizer=adamw", "training.warmup_epochs=2", "training.log_every=1")
    shown = finished(cache, tmp_path / "run", load_recipe("pcrlv2-3d", [*TINY, *changes]))
    rates = [report.learning_rate for report in shown]
    steps = len(shown) // 3
    assert rates[: 2 * steps] == pytest.approx([1e-3 * (n + 1) / (2 * steps) for n in range(2 * steps)])
    assert rates[-1] == 1e-3
    files = {file.name for file in checkpoints(tmp_path / "run/checkpoints")[-1].iterdir()}
    assert {"exp_avg.safetensors", "exp_avg_sq.safetensors", "step.safetensors"} < files
    # A norm that no gradient has: the first step is as good as none.
    still = load_recipe("pcrlv2-3d", [*TINY, "training.clip_norm=1e-30", "training.weight_decay=0"])
    finished(cache, tmp_path / "still", still)
    fresh, _ = initial_state(still, None)
    weights = last_weights(tmp_path / "still")
    assert all(torch.allclose(weights[name], value) for name, value in fresh.named_parameters())


def test_epochs_are_counted_from_1_in_the_log_as_on_the_screen(cache, tmp_path):
    shown = finished(cache, tmp_path / "run")
    lines = [
        json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["epoch"] for line in lines] == [report.epoch for report in shown]
    assert (lines[0]["epoch"], lines[-1]["epoch"]) == (1, 3)


def command(cache, out, *more):
    return ("pretrain", "--cache", cache, "--dataset", "lits", "--out", out, "--device", "cpu", *more)


@pytest.mark.slow
def test_killed_at_random_and_resumed_it_ends_with_the_same_bits(cache, tmp_path):
    long = ("--set", "training.epochs=12", "--set", "training.log_every=1")
    done = pcrl(*command(cache, tmp_path / "straight", *long), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "killed"
    kills = 0
    call = command(cache, out, *long)
    for attempt in range(20):
        process = begun(*call, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8")
        # Killed a little later each time, somewhere in the steps.
        for number, _ in enumerate(process.stdout):
            if number >= 9 + 3 * attempt:
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.01)
        process.stdout.close()
        if process.wait() == 0:
            break
        call = ("pretrain", "--cache", cache, "--out", out, "--device", "cpu", "--resume")
    assert kills >= 2
    assert run_folder.is_finished(out)
    straight, resumed = last_weights(tmp_path / "straight"), last_weights(out)
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


@pytest.mark.slow
def test_sigterm_saves_and_says_how_to_go_on(cache, tmp_path):
    out = tmp_path / "run"
    call = command(cache, out, "--set", "training.epochs=500", "--set", "training.log_every=1")
    with begun(*call, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8") as process:
        for line in process.stdout:
            if line.startswith("step 3/"):
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() == 130
    assert "--resume" in rest
    assert checkpoints(out / "checkpoints")


def test_a_loss_that_is_not_finite_stops_the_run_and_names_it(cache, tmp_path):
    recipe = RECIPE.model_copy(
        update={"training": RECIPE.training.model_copy(update={"learning_rate": 1e30})}
    )
    chosen = selection(cache, recipe=recipe)
    run_folder.create(tmp_path / "run", recipe, chosen, FRESH)
    with pytest.raises(
        TrainingError, match=r"of step \d+; cases in the batch: .*lits/volume-.*Last good checkpoint"
    ):
        Trainer(chosen, tmp_path / "run", CPU).run(lambda _: None)


def test_too_few_samples_for_a_batch_is_said(cache, tmp_path):
    recipe = RECIPE.model_copy(update={"training": RECIPE.training.model_copy(update={"batch_size": 1000})})
    with pytest.raises(LoaderError, match="batch_size lower"):
        Trainer(selection(cache, recipe=recipe), tmp_path, CPU)


def test_checkpoint_round_trip(cache, tmp_path):
    finished(cache, tmp_path / "run")
    model, objective = initial_state(RECIPE, None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    position = load(checkpoints(tmp_path / "run/checkpoints")[-1], model, objective, optimizer)
    assert (position.epoch, position.step, position.unlogged, position.skipped) == (3, 0, (), ())
    assert len(position.norms) == 18
    assert optimizer.state[model.final.weight]["momentum_buffer"].abs().sum() > 0


def test_initial_weights_follow_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    (a, _), (b, _) = initial_state(RECIPE, None), initial_state(RECIPE, None)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_command_asks_where_it_cannot_know(cache, tmp_path):
    def call(*arguments):
        return refused(tmp_path, "pretrain", *arguments)

    assert "pcrl ingest" in call("--cache", "none")
    assert "no unfinished run" in call("--cache", str(cache), "--resume")
    assert "holds lits, scans" in call("--cache", str(cache), "--dataset", "brats")
    assert "training.epoch" in call("--cache", str(cache), "--set", "training.epoch=1")
    assert "nowhere: no such file or folder" in call("--cache", str(cache), "--init", "nowhere")
    if not torch.cuda.is_available():
        assert "no GPU" in call("--cache", str(cache), "--device", "cuda")


def test_what_earlier_weights_saw_is_seen_too(cache, tmp_path):
    """A run that starts from another one inherits its patients, or a leak could hide behind --init."""
    opened = Cache(cache)
    alone = select_volumes([opened.dataset("scans")], set(), RECIPE)
    run_folder.create(tmp_path / "first", RECIPE, alone, FRESH)
    first = run_folder.read(tmp_path / "first")
    assert first.start_known
    training = select(opened, ("lits",), RECIPE)
    own = {case.patient for case in training.cases}
    for start, known, inherited in (
        (run_folder.Start("first", fresh=False, run=first), True, set(first.patients)),
        (run_folder.Start("imported", fresh=False), False, set()),
        (run_folder.Start("photographs", fresh=False, no_patients=True), True, set()),
    ):
        out = tmp_path / start.words.replace("first", "second")
        run_folder.create(out, RECIPE, training, start)
        second = run_folder.read(out)
        assert set(second.patients) == own | inherited
        assert second.start_known is known
        scans = second.seen()
        earlier = set(first.seen().names) if inherited else set()
        assert set(scans.names) == {f"{case.dataset}/{case.name}" for case in training.cases} | earlier
        known_digests = {digest.tobytes().hex() for digest in scans.digests}
        assert {case.record.pixels for case in training.cases} <= known_digests
