"""What is known to go wrong, or slowly, with certain GPUs and builds of torch and cuDNN."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Build:
    """What computes.

    Args:
        torch: version, such as (2, 9, 1).
        cudnn: as torch tells it, such as 91002 for 9.10.2; 0 where there is none.
        gpu: its name.
        capability: of the GPU; (8, 0) and later multiply matrices in bfloat16.
    """

    torch: tuple[int, ...]
    cudnn: int
    gpu: str
    capability: tuple[int, int]


def build_of(device: torch.device) -> Build:
    """What computes on a GPU."""
    numbers = torch.__version__.split("+")[0].split(".")
    return Build(
        tuple(int(number) for number in numbers if number.isdigit()),
        torch.backends.cudnn.version() or 0,
        torch.cuda.get_device_name(device),
        torch.cuda.get_device_capability(device),
    )


def known_faults(build: Build, dimensions: int) -> list[str]:
    """What a user should know of it, in sentences.

    Source: the release notes of torch 2.9.1 and 2.10, and of cuDNN 9.11.
    """
    found = []
    if build.capability < (8, 0):
        found.append(
            f"{build.gpu} does not multiply matrices in bfloat16: networks compute in float32, several times "
            "as slow as on GPUs from Ampere (2020) on"
        )
        return found
    if (
        dimensions == 3
        and build.torch[:2] == (2, 9)
        and not (build.torch >= (2, 9, 1) and build.cudnn >= 91500)
    ):
        found.append(
            "torch 2.9 computes 3D convolutions in bfloat16 without cuDNN, in several times the memory and the time: "
            "install another version, or 2.9.1 with nvidia-cudnn-cu12 of 9.15 or later"
        )
    if dimensions == 3 and 90800 <= build.cudnn <= 91002:
        version = f"{build.cudnn // 10000}.{build.cudnn // 100 % 100}.{build.cudnn % 100}"
        found.append(
            f"cuDNN {version} can give wrong results for 3D convolutions in bfloat16 on large inputs (9.8 to 9.10.2 "
            "do): install nvidia-cudnn-cu12 of 9.11 or later"
        )
    return found
