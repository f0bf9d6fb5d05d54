"""`torchrun -m pcrl pretrain`: one run of several processes, that stops, dies and goes on as one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.training.records.checkpoint import checkpoints
from tests.helpers import scans
from tests.helpers.command import environment, pcrl

pytestmark = pytest.mark.slow
TINY = (
    *scans.VIEWS, "model.width=4", "model.levels=2", "views.locals=1", "training.batch_size=4", "training.epochs=2",
    "training.samples_per_case=4", "training.log_every=2", "training.norms=all",
)  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("launched")
    for n in range(4):
        scans.write(root / f"lits/volume-{n}.nii", scans.body((24, 32, 40)))
    recipe = load_recipe("pcrlv2-3d", TINY)
    list(run(plan(find("lits", root / "lits"), root / "cache", recipe), 1))
    return root / "cache"


def options(cache, out, *changes):
    settings = [word for change in (*TINY, *changes) for word in ("--set", change)]
    return [
        "pretrain",
        "--cache",
        str(cache),
        "--recipe",
        "pcrlv2-3d",
        "--out",
        str(out),
        "--device",
        "cpu",
        *settings,
    ]


@contextmanager
def torchrun(ranks, *words, cwd):
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={ranks}",
        "-m",
        "pcrl",
    ]
    with subprocess.Popen(
        [*command, *words], cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:  # fmt: skip
        yield process


def weights(out):
    return load_file(checkpoints(out / "checkpoints")[-1] / "weights.safetensors")


def log(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def ranks_of(process):
    """Process numbers of the ranks, by rank."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "environ").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        rank = [word[5:] for word in words if word.startswith(b"RANK=")]
        if rank and int(parent) == process.pid:
            found[int(rank[0])] = int(folder.name)
    return found


def wait_for(process, beginning):
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(beginning):
            return "".join(said)
    raise AssertionError("".join(said))


def to_the_end(ranks, *words, cwd):
    with torchrun(ranks, *words, cwd=cwd) as process:
        said = process.stdout.read()
    return process.returncode, said


def test_two_ranks_stop_together_and_one_goes_on_with_their_run(cache, tmp_path):
    alone, two = tmp_path / "alone", tmp_path / "two"
    done = pcrl(*options(cache, alone), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    long = ("training.epochs=40", "training.checkpoint_epochs=1000")
    with torchrun(2, *options(cache, two, *long), cwd=tmp_path) as process:
        before = wait_for(process, "step 4/")
        # The scheduler tells the launcher, which tells every rank.
        process.send_signal(signal.SIGTERM)
        said = before + process.stdout.read()
    assert said.count("Run folder:") == 1, said
    assert said.count("Stopped, and saved.") == 1, said
    assert len(checkpoints(two / "checkpoints")) == 1
    for mine, theirs in zip(log(alone)[:2], log(two), strict=False):
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=1e-3)
    resumed = pcrl("pretrain", "--cache", cache, "--out", two, "--device", "cpu", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    steps = [line["step"] for line in log(two)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 20 * log(alone)[-1]["step"]


def test_resumed_on_another_number_of_ranks_it_ends_as_one(cache, tmp_path):
    alone, other = tmp_path / "alone", tmp_path / "other"
    # A checkpoint at every line of the log, in the middle of an epoch too.
    done = pcrl(*options(cache, alone, "training.checkpoint_minutes=1e-9"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shutil.copytree(alone, other)
    # As if it had been killed before its last checkpoint.
    (other / "finished.json").unlink()
    shutil.rmtree(checkpoints(other / "checkpoints")[-1])
    assert not checkpoints(other / "checkpoints")[-1].name.endswith("step-000000")
    resume = ("pretrain", "--cache", str(cache), "--out", str(other), "--device", "cpu", "--resume")
    code, said = to_the_end(2, *resume, cwd=tmp_path)
    assert code == 0, said
    one, two = weights(alone), weights(other)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-3, msg=name)
    assert [line["step"] for line in log(other)] == [line["step"] for line in log(alone)]


def test_a_rank_that_dies_ends_the_job_with_its_reason(cache, tmp_path):
    with torchrun(2, *options(cache, tmp_path / "run", "training.epochs=500"), cwd=tmp_path) as process:
        wait_for(process, "step 4/")
        os.kill(ranks_of(process)[1], signal.SIGKILL)
        begun = time.monotonic()
        said = process.stdout.read()
    assert process.returncode != 0
    assert time.monotonic() - begun < 60
    assert "SIGKILL" in said


def test_what_ranks_cannot_share_is_refused_before_there_is_a_folder(cache, tmp_path):
    code, said = to_the_end(3, *options(cache, tmp_path / "run"), cwd=tmp_path)
    assert code != 0
    assert "training.batch_size = 4 in 3 processes" in said
    assert not (tmp_path / "run").exists()


def test_ranks_with_different_settings_are_refused_before_there_is_a_folder(cache, tmp_path):
    # Each machine is given its command by hand.
    words = [
        "-m",
        "torch.distributed.run",
        "--nnodes=2",
        "--nproc-per-node=1",
        "--rdzv-backend=c10d",
        "--rdzv-id=odd",
    ]
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, *words, f"--rdzv-endpoint=localhost:{port}", "-m", "pcrl"]
    machines = [
        subprocess.Popen(
            [*command, *options(cache, tmp_path / "run", own)], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8",
        )
        for own in ("training.learning_rate=0.1", "training.learning_rate=0.2")
    ]  # fmt: skip
    said = [machine.communicate(timeout=120)[0] for machine in machines]
    assert all(machine.returncode != 0 for machine in machines)
    assert any("have not the same settings: give all machines the same command" in words for words in said), (
        said
    )
    assert not (tmp_path / "run").exists()
