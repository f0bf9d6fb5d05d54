"""Who is who among several processes."""

import pytest
import torch
from torch import distributed

from pcrl.models.device import DeviceError, device_named
from pcrl.training.ranks.world import ALONE, RankError, launched, opened

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}


def test_torchrun_says_who_this_is():
    world = launched(TORCHRUN)
    assert (world.rank, world.size, world.local_rank, world.local_size) == (5, 8, 1, 4)
    assert not world.is_first


@pytest.mark.parametrize("environment", [{}, {"WORLD_SIZE": "8"}, {"RANK": "0", "WORLD_SIZE": "1"}])
def test_what_a_scheduler_sets_for_one_process_makes_no_world(environment):
    assert launched(environment) == ALONE


def test_several_processes_that_cannot_meet_are_refused():
    with pytest.raises(RankError, match="has RANK and WORLD_SIZE, but not LOCAL_WORLD_SIZE: start several"):
        launched({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"})


def test_what_is_no_number_is_said():
    with pytest.raises(RankError, match="expected whole numbers"):
        launched(TORCHRUN | {"RANK": "first"})


def test_alone_nothing_is_exchanged_and_errors_are_ones_own():
    with opened("cpu") as (world, device):
        assert (world, device) == (ALONE, torch.device("cpu"))
        assert world.first_does(lambda: 3) == 3
        world.require_same({"cache": "one"})
        with pytest.raises(ZeroDivisionError):
            world.first_does(lambda: 1 / 0)


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_named("auto", 1) == torch.device("cuda", 1)
    assert device_named("auto") == torch.device("cuda")
    assert device_named("auto", 0) == torch.device("cuda", 0)
    assert device_named("cpu", 5) == torch.device("cpu")
    with pytest.raises(DeviceError, match="process 2 of this machine has no GPU of its own, there are 2"):
        device_named("cuda", 2)


def test_a_rank_takes_its_gpu_before_it_meets_the_others(monkeypatch):
    done = []
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: done.append(device.index))
    monkeypatch.setattr(distributed, "init_process_group", lambda backend, timeout: done.append(backend))
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: done.append("left"))
    with opened("auto") as (world, device):
        assert (world.rank, device) == (5, torch.device("cuda", 1))
        assert done == [1, "cpu:gloo,cuda:nccl"]
    assert done[-1] == "left"
    # After an error nobody waits for the others: they may be waiting for this one.
    with pytest.raises(ZeroDivisionError), opened("auto"):
        _ = 1 / 0
    assert done[-1] == "cpu:gloo,cuda:nccl"
