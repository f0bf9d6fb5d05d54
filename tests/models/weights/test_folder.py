"""The folder of weights: whole or not there, and it says what it is."""

import json
import os

import pytest
import torch

from pcrl.config import ImageModel, VolumeModel
from pcrl.models.images.nsunet import NsUNet2D
from pcrl.models.volumes.nsunet import NsUNet3D
from pcrl.models.weights.folder import Weights, load_into, load_weights, save_weights
from pcrl.models.weights.published import WeightsError


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
    with pytest.raises(WeightsError, match=r"no such file or folder; expected a run of `pcrl pretrain`"):
        load_weights(tmp_path / "nope")
    with pytest.raises(
        WeightsError, match=r"has no weights.safetensors and no weights.json, and holds w; expected"
    ):
        load_weights(tmp_path)
    with pytest.raises(WeightsError, match=r"is a file; expected .*`pcrl import-weights` makes one"):
        load_weights(tmp_path / "w/weights.json")


def test_weights_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    settings, state = VolumeModel(width=4, levels=2), NsUNet3D(width=4, levels=2).state_dict()

    def full_disk(*_, **__):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("pcrl.models.weights.folder.json.dumps", full_disk)
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
    description = json.loads(path.read_text(encoding="utf-8"))
    assert (description["format"], description["kind"]) == (1, "weights")
    for damaged in ("[]", "{", json.dumps({**description, "format": 2}), json.dumps({"format": 1})):
        path.write_text(damaged)
        with pytest.raises(WeightsError, match=r"weights\.json"):
            load_weights(tmp_path / "w")


def test_weights_say_whether_they_are_all(tmp_path):
    settings, state = ImageModel(width=4), NsUNet2D(4).state_dict()
    save_weights(tmp_path / "whole", settings, state, {})
    encoder = {name: value for name, value in state.items() if name.startswith("encoder.")}
    save_weights(tmp_path / "part", settings, encoder, {}, "encoder")
    assert [load_weights(tmp_path / name).part for name in ("whole", "part")] == ["network", "encoder"]
    for name in ("whole", "part"):
        (tmp_path / name / "files.json").unlink()  # As an earlier version wrote them.
    path = tmp_path / "part/weights.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(description | {"part": "half"}))
    with pytest.raises(WeightsError, match=r"weights\.json: part 'half', expected"):
        load_weights(tmp_path / "part")
    path = tmp_path / "whole/weights.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    # As it was written before there were encoders alone.
    del description["part"]
    path.write_text(json.dumps(description))
    assert load_weights(tmp_path / "whole").part == "network"


def test_an_encoder_leaves_the_rest_as_it_is():
    torch.manual_seed(0)
    given, model, untouched = (NsUNet2D(4) for _ in range(3))
    untouched.load_state_dict(model.state_dict())
    encoder = {name: value for name, value in given.state_dict().items() if name.startswith("encoder.")}
    load_into(model, Weights(ImageModel(width=4), encoder, {}, "encoder"))
    for name, value in model.state_dict().items():
        expected = given if name.startswith("encoder.") else untouched
        assert torch.equal(value, expected.state_dict()[name]), name
    load_into(model, Weights(ImageModel(width=4), given.state_dict(), {}))
    assert all(torch.equal(value, given.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("part", ["network", "encoder"])
def test_weights_that_do_not_fit_are_refused(part):
    state = {
        n: v for n, v in NsUNet2D(4).state_dict().items() if part == "network" or n.startswith("encoder.")
    }
    incomplete = {name: value for name, value in state.items() if name != "encoder.conv1.weight"}
    for damaged in (incomplete, {**state, "x": torch.zeros(1)}):
        with pytest.raises(WeightsError, match=f"not the weights of a {part}"):
            load_into(NsUNet2D(4), Weights(ImageModel(width=4), damaged, {}, part))
    with pytest.raises(WeightsError, match=r"conv1\.weight"):
        load_into(NsUNet2D(8), Weights(ImageModel(width=4), state, {}, part))
