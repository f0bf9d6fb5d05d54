"""`pcrl import-weights`: what it says, what it writes, how it fails."""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from weights import fill

from pcrl.models.weights import load_weights

ROOT = Path(__file__).parents[2]
KEYS = json.loads((ROOT / "tests/golden/pcrlv2_3d.json").read_text())["keys"]


@pytest.fixture
def checkpoint(tmp_path):
    state = {name: torch.from_numpy(value) for name, value in fill(KEYS).items()}
    path = tmp_path / "published.pt"
    torch.save({"opt": argparse.Namespace(d=3), "state_dict": state, "epoch": 240}, path)
    return path


def command(*arguments, flags=()):
    return subprocess.run(
        [sys.executable, *flags, "-m", "pcrl", "import-weights", *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip


def test_command(checkpoint, tmp_path):
    folder = tmp_path / "w[b]"
    done = command(checkpoint, "--to", folder)
    assert done.returncode == 0, done.stderr
    assert "169 tensors" in done.stdout
    assert "epoch 240" in done.stdout
    assert f"pcrl pretrain --init {folder}" in done.stdout
    assert load_weights(folder).source == {
        "file": "published.pt",
        "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "epoch": 240,
        "axes": "zyx",
    }


def test_command_says_what_is_wrong(checkpoint, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    for file, folder, named in (
        (checkpoint, tmp_path / "full", "not empty"),
        (checkpoint, checkpoint, "is a file"),
        (tmp_path / "none.pt", tmp_path / "w", "no such file"),
    ):
        done = command(file, "--to", folder)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1), done.stderr
        assert named in done.stderr


def test_help_does_not_load_torch():
    done = command("--help", flags=("-X", "importtime"))
    assert "Example" in done.stdout
    assert "torch" not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
