"""The `--device` option, and the device it names."""

from __future__ import annotations

from typing import Any

import click

DEVICE = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)


def device_named(name: str) -> Any:
    """The `torch.device` of an option's value; a GPU if there is one, for `auto`."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("--device cuda: this machine has no GPU that PyTorch can use")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
