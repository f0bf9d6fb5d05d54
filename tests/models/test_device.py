"""A device by its name."""

import pytest
import torch

from pcrl.models.device import DeviceError, device_named


def test_a_gpu_is_taken_where_there_is_one(monkeypatch):
    for there, auto in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device_named("auto") == torch.device(auto)
        assert device_named("cpu") == torch.device("cpu")


def test_a_device_that_there_is_not_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="--device cuda: this machine has no GPU"):
        device_named("cuda")
    with pytest.raises(DeviceError, match="no device 'tpu': there are auto, cpu and cuda"):
        device_named("tpu")
