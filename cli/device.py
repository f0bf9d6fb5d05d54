"""The `--device` option, and the device it names."""

from __future__ import annotations

from typing import Any

import click

DEVICE = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)


def device_named(name: str) -> Any:
    """The `torch.device` of an option's value; what there is not is one message."""
    from pcrl.models.device import DeviceError
    from pcrl.models.device import device_named as named

    try:
        return named(name)
    except DeviceError as error:
        raise click.ClickException(str(error)) from error
