"""Checkpoints bring back what an optimiser keeps, as the optimiser had it."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from pcrl.config import load_recipe
from pcrl.models.weights.published import WeightsError
from pcrl.training.records.checkpoint import KEEP, Position, checkpoints, last_whole, load, save, trained
from pcrl.training.trainer import initial_state
from tests.helpers import scans
from tests.helpers.cache.kills import killed_at

RECIPE = load_recipe("pcrlv2-3d", [*scans.VIEWS, "model.width=4", "model.levels=2"])
POSITION = Position(0, 2, 3, ((1.0, 0.5), (2.0, float("nan"))))
OPTIMIZERS = {
    "sgd": lambda parameters, fused: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=fused),
    "adamw": lambda parameters, fused: torch.optim.AdamW(parameters, lr=0.1, fused=fused),
}


def fresh(name, fused):
    network, objective = initial_state(RECIPE, None)
    network = network.to(memory_format=torch.channels_last_3d)
    parameters = [parameter for _, parameter in trained(network, objective)]
    return network, objective, OPTIMIZERS[name](parameters, fused)


def step(network, optimizer, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        values = torch.rand(parameter.shape, generator=generator)
        parameter.grad = torch.empty_like(parameter).copy_(values)
    optimizer.step()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_a_step_after_a_resume_is_the_step_without(tmp_path, name, fused):
    network, objective, optimizer = fresh(name, fused)
    step(network, optimizer, 1)
    path = save(tmp_path, POSITION, RECIPE.model, network, objective, optimizer)
    resumed, other, its_optimizer = fresh(name, fused)
    assert str(load(path, resumed, other, its_optimizer)) == str(POSITION)
    for parameter, kept in its_optimizer.state.items():
        for value in kept.values():
            assert value.ndim == 0 or value.stride() == parameter.stride()
    step(network, optimizer, 2)
    step(resumed, its_optimizer, 2)
    assert all(
        torch.equal(one, two) for one, two in zip(network.parameters(), resumed.parameters(), strict=True)
    )


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_what_an_early_version_did_not_keep_is_zero(tmp_path, name, fused):
    network, objective, optimizer = fresh(name, fused)
    step(network, optimizer, 1)
    path = save(tmp_path, POSITION, RECIPE.model, network, objective, optimizer)
    (path / "files.json").unlink()
    gone = "decoder.0.restoration.conv.weight"
    for file in path.glob("*.safetensors"):
        if file.name != "weights.safetensors":
            values = load_file(file)
            values.pop(gone, None)
            save_file(values, file)
    (path / "position.json").write_text(json.dumps({"epoch": 4, "step": 1}), encoding="utf-8")
    resumed, other, its_optimizer = fresh(name, fused)
    assert load(path, resumed, other, its_optimizer) == Position(4, 1)
    assert all(not value.any() for value in its_optimizer.state[resumed.get_parameter(gone)].values())
    step(resumed, its_optimizer, 2)


def test_killed_at_any_step_of_saving_every_checkpoint_that_is_there_can_be_loaded(tmp_path):
    network, objective, optimizer = fresh("sgd", False)
    step(network, optimizer, 1)
    before, folder = tmp_path / "before", tmp_path / "checkpoints"

    def saved(epoch, into):
        save(into, Position(epoch, 0, 0, ()), RECIPE.model, network, objective, optimizer)

    for epoch in range(KEEP):
        saved(epoch, before)
    point, killed = 0, True
    while killed:
        point += 1
        shutil.copytree(before, folder)
        killed = killed_at(point, lambda: saved(KEEP, folder))
        there = checkpoints(folder)
        assert len(there) >= KEEP
        for path in there:
            load(path, *fresh("sgd", False))
        saved(KEEP + 1, folder)
        assert [path.name[:10] for path in folder.iterdir()].count(f"epoch-{KEEP + 1:04d}") == 1
        assert len(checkpoints(folder)) == KEEP
        assert not list(folder.glob(".*"))
        shutil.rmtree(folder)
    assert point > 10


def test_every_bit_of_a_checkpoint_counts_and_the_one_before_it_is_offered(tmp_path):
    network, objective, optimizer = fresh("sgd", False)
    step(network, optimizer, 1)
    for epoch in (0, 1):
        path = save(tmp_path, Position(epoch, 0), RECIPE.model, network, objective, optimizer)
    assert last_whole(tmp_path) == path
    files = sorted(path.iterdir())
    assert {file.name for file in files} >= {"momentum.safetensors", "position.json", "files.json"}
    for file in files:
        content = file.read_bytes()
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :])
        with pytest.raises(WeightsError, match=rf"epoch-0000-step-000000, is whole: remove {path}"):
            last_whole(tmp_path)
        with pytest.raises(WeightsError, match=str(path)):
            load(path, *fresh("sgd", False))
        file.write_bytes(content)
    for broken in (path, tmp_path / "epoch-0000-step-000000"):
        (broken / "momentum.safetensors").unlink()
    with pytest.raises(WeightsError, match="no whole checkpoint before it: start a new run"):
        last_whole(tmp_path)


def test_damage_in_a_checkpoint_of_an_earlier_version_is_named(tmp_path):
    network, objective, optimizer = fresh("sgd", False)
    step(network, optimizer, 1)
    path = save(tmp_path, POSITION, RECIPE.model, network, objective, optimizer)
    (path / "files.json").unlink()
    for name, content in (
        ("position.json", "[1]"),
        ("position.json", '{"epoch": 0, "step": "x"}'),
        ("position.json", "{"),
        ("momentum.safetensors", "x"),
    ):
        kept = (path / name).read_bytes()
        (path / name).write_text(content)
        with pytest.raises(WeightsError, match=rf"{path}: damaged"):
            load(path, *fresh("sgd", False))
        (path / name).write_bytes(kept)
