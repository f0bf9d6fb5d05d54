"""Which device networks compute on, by the name that a user gives."""

from __future__ import annotations

import torch

from pcrl.cores import usable_cores


class DeviceError(ValueError):
    """A device that there is not; the message names it."""


def device_named(name: str, number: int | None = None) -> torch.device:
    """The device of a name.

    Args:
        name: `auto` for a GPU if PyTorch can use one, else the CPU; `cpu`; `cuda`.
        number: of the process on this machine, where there are several, each of which has a GPU of its own.

    Raises:
        DeviceError: another name, `cuda` on a machine without a GPU that PyTorch can use, or fewer GPUs than processes.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"no device {name!r}: there are auto, cpu and cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("--device cuda: this machine has no GPU that PyTorch can use")
    if name == "cpu" or not torch.cuda.is_available():
        # PyTorch starts a thread for every core of the machine, also where a container may use two of them.
        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
        return torch.device("cpu")
    if number is None:
        return torch.device("cuda")
    if number >= (count := torch.cuda.device_count()):
        raise DeviceError(
            f"process {number} of this machine has no GPU of its own, there are {count}: start as many processes as "
            "there are GPUs"
        )
    return torch.device("cuda", number)
