"""Which device networks compute on, by the name that a user gives."""

from __future__ import annotations

import torch


class DeviceError(ValueError):
    """A device that there is not; the message names it."""


def device_named(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: `auto` for a GPU if PyTorch can use one, else the CPU; `cpu`; `cuda`.

    Raises:
        DeviceError: another name, or `cuda` on a machine without a GPU that PyTorch can use.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"no device {name!r}: there are auto, cpu and cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("--device cuda: this machine has no GPU that PyTorch can use")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
