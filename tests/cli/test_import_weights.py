"""`pcrl import-weights`: what it says, what it writes, how it fails."""

import argparse
import hashlib
import json
import subprocess
import sys

import pytest
import torch

from pcrl.models.images.resnet import ResNet18
from pcrl.models.weights.folder import load_weights
from tests.helpers.command import ROOT, pcrl
from tests.helpers.golden_weights import fill

KEYS = json.loads((ROOT / "tests/golden/pcrlv2_3d.json").read_text(encoding="utf-8"))["keys"]


@pytest.fixture
def checkpoint(tmp_path):
    state = {name: torch.from_numpy(value) for name, value in fill(KEYS).items()}
    path = tmp_path / "published.pt"
    torch.save({"opt": argparse.Namespace(d=3), "state_dict": state, "epoch": 240}, path)
    return path


def test_command(checkpoint, tmp_path):
    folder = tmp_path / "w[b]"
    done = pcrl("import-weights", checkpoint, "--to", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "whole network: published 3D network, 169 tensors" in done.stdout
    assert "epoch 240" in done.stdout
    assert f"pcrl pretrain --init {folder}" in done.stdout
    assert load_weights(folder).source == {
        "file": "published.pt",
        "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "epoch": 240,
        "origin": "published 3D network",
        "axes": "zyx",
    }


@pytest.mark.parametrize("kind", ["published", "torchvision"])
def test_encoder(tmp_path, kind):
    state = ResNet18().state_dict()
    content = {"opt": argparse.Namespace(d=2), "state_dict": state, "epoch": 240}
    if kind == "torchvision":
        content = {**state, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    torch.save(content, tmp_path / "x.pth")
    done = pcrl("import-weights", "x.pth", "--to", "w", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    origin = "published 2D encoder" if kind == "published" else "torchvision resnet18 (ImageNet)"
    epoch = "epoch 240" if kind == "published" else "epoch not stated"
    assert (
        f"encoder only: {origin}, 120 tensors, 11,176,512 parameters, {epoch}. Written to w." in done.stdout
    )
    found = load_weights(tmp_path / "w")
    assert (found.part, found.source["origin"]) == ("encoder", origin)
    assert "axes" not in found.source


def test_command_says_what_is_wrong(checkpoint, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    for file, folder, named in (
        (checkpoint, tmp_path / "full", "not empty"),
        (checkpoint, checkpoint, "is a file"),
        (tmp_path / "none.pt", tmp_path / "w", "no such file"),
    ):
        done = pcrl("import-weights", file, "--to", folder, cwd=tmp_path)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1), done.stderr
        assert named in done.stderr


def test_help_does_not_load_torch():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pcrl", "import-weights", "--help"],
        capture_output=True, encoding="utf-8", cwd=ROOT,
    )  # fmt: skip
    assert "Example" in done.stdout
    assert "torch" not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
