"""The `--device` option."""

from __future__ import annotations

import click

DEVICE = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
