"""The folder of weights: whole or not there, and it says what it is."""

import json
import os

import pytest
import torch

from pcrl.config import VolumeModel
from pcrl.models.nsunet3d import NsUNet3D
from pcrl.models.published import WeightsError
from pcrl.models.weights import load_weights, save_weights


def test_weights_folder_round_trip_and_damage(tmp_path):
    model = NsUNet3D(width=4, levels=2)
    settings = VolumeModel(width=4, levels=2)
    save_weights(tmp_path / "w", settings, model.state_dict(), {"epoch": 3})
    found = load_weights(tmp_path / "w")
    assert (found.model, found.source) == (settings, {"epoch": 3})
    assert all(torch.equal(found.state[name], value) for name, value in model.state_dict().items())
    os.truncate(tmp_path / "w/weights.safetensors", 100)
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(tmp_path / "w")
    with pytest.raises(WeightsError, match="is missing"):
        load_weights(tmp_path)


def test_weights_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    settings, state = VolumeModel(width=4, levels=2), NsUNet3D(width=4, levels=2).state_dict()

    def full_disk(*_, **__):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("pcrl.models.weights.json.dumps", full_disk)
        with pytest.raises(OSError, match="no space"):
            save_weights(tmp_path / "w", settings, state, {})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "w").mkdir()
    save_weights(tmp_path / "w", settings, state, {})
    before = {path: path.read_bytes() for path in (tmp_path / "w").iterdir()}
    with pytest.raises(WeightsError, match="not empty"):
        save_weights(tmp_path / "w", settings, state, {})
    assert {path: path.read_bytes() for path in (tmp_path / "w").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["w"]
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="is a file"):
        save_weights(tmp_path / "file", settings, state, {})


def test_weights_say_what_they_are(tmp_path):
    save_weights(tmp_path / "w", VolumeModel(width=4, levels=2), NsUNet3D(4, 2).state_dict(), {"epoch": 3})
    path = tmp_path / "w/weights.json"
    description = json.loads(path.read_text())
    assert (description["format"], description["kind"]) == (1, "weights")
    for damaged in ("[]", "{", json.dumps({**description, "format": 2}), json.dumps({"format": 1})):
        path.write_text(damaged)
        with pytest.raises(WeightsError, match=r"weights\.json"):
            load_weights(tmp_path / "w")
