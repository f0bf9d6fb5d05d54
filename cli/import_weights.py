"""`pcrl import-weights`: weights of the published code into a folder that pcrl reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from .console import console, user_errors


@click.command("import-weights")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), required=True, help="New folder for the weights."
)
@click.option(
    "--axes",
    type=click.Choice(["zyx", "xyz"]),
    default="zyx",
    show_default=True,
    help="Axis order of 3D convolution kernels. zyx: convert them to pcrl's order; xyz: keep them as published.",
)
def import_weights(file: Path, folder: Path, axes: Literal["zyx", "xyz"]) -> None:
    """Read a checkpoint of the published PCRLv2 code, or torchvision's resnet18. Nothing pickled in it is executed.

    Published 2D checkpoints and torchvision's file hold an encoder; a decoder starts fresh beside it.

    \b
    Examples:
      pcrl import-weights luna_pretrained.pt --to weights/luna
      pcrl pretrain --init weights/luna
      pcrl import-weights chest_pretrained.pt --to weights/chest
    """
    from pcrl.files import sha256_of
    from pcrl.models.weights.folder import require_empty, save_weights
    from pcrl.models.weights.published import WeightsError, read_published

    with user_errors(WeightsError, OSError):
        # Before the file is read, which takes longer than being told.
        require_empty(folder)
        found = read_published(file, axes)
        source = {"file": file.name, "sha256": sha256_of(file), "epoch": found.epoch, "origin": found.origin}
        volumes = found.model.network == "nsunet3d"
        if volumes:
            source["axes"] = axes
        save_weights(folder, found.model, found.weights, source, found.part)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    parameters = sum(value.numel() for name, value in found.weights.items() if not name.endswith(statistics))
    epoch = "epoch not stated" if found.epoch is None else f"epoch {found.epoch}"
    what = "whole network" if found.part == "network" else "encoder only"
    turned = f"; axes {axes}" if volumes else ""
    console.print(
        f"Read {what}: {found.origin}, {len(found.weights)} tensors, {parameters:,} parameters, {epoch}{turned}. "
        f"Written to {folder}.\nNext: pcrl pretrain --init {folder}",
        markup=False,
    )
