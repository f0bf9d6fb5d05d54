"""`pcrl import-weights`: weights of the published code into a folder that pcrl reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from .console import console, user_errors


@click.command("import-weights")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option(
    "--axes",
    type=click.Choice(["zyx", "xyz"]),
    default="zyx",
    show_default=True,
    help="zyx: turn kernels to pcrl's axes; xyz: keep them as published.",
)
def import_weights(file: Path, folder: Path, axes: Literal["zyx", "xyz"]) -> None:
    """Read a 3D checkpoint of the published PCRLv2 code; nothing that is pickled in it is executed.

    \b
    Example:
      pcrl import-weights luna_pretrained.pt --to weights/luna
      pcrl pretrain --init weights/luna
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty: give a new folder")
    from pcrl.engine.cache.commit import sha256_of
    from pcrl.models.published import WeightsError, read_published
    from pcrl.models.weights import save_weights

    with user_errors(WeightsError, OSError):
        found = read_published(file, axes)
        source = {"file": file.name, "sha256": sha256_of(file), "epoch": found.epoch, "axes": axes}
        save_weights(folder, found.model, found.weights, source)
    parameters = sum(value.numel() for value in found.weights.values())
    epoch = "epoch not stated" if found.epoch is None else f"epoch {found.epoch}"
    console.print(
        f"Read {len(found.weights)} tensors, {parameters / 1e6:.1f} million numbers, {epoch}; axes {axes}. "
        f"Written to {folder}.\nNext: pcrl pretrain --init {folder}"
    )
