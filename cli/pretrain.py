"""`pcrl pretrain`: an encoder from what is in the cache, without labels."""

from __future__ import annotations

from pathlib import Path

import click

from .cache_options import CACHE, DATASETS, RECIPE, setting
from .console import console, user_errors
from .device import DEVICE


@click.command()
@CACHE
@DATASETS
@RECIPE
@click.option(
    "--out", type=click.Path(path_type=Path), help="New folder for the run.  [default: runs/RECIPE-DATE-TIME]"
)
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    help=(
        "Weights to start from: a run, a checkpoint, imported weights, a published checkpoint, or torchvision's "
        "resnet18.  [default: random]"
    ),
)
@click.option("--resume", is_flag=True, help="Continue the run in --out, or the newest unfinished one.")
@setting("training.epochs=10")
@DEVICE
def pretrain(
    cache: Path,
    names: tuple[str, ...],
    recipe: str | None,
    out: Path | None,
    init: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
    device: str,
) -> None:
    """Pre-train an encoder, by default as PCRLv2 does. Test and validation patients are never seen.

    Stopped at any time (Ctrl-C, SIGTERM, even SIGKILL), it continues with --resume as if nothing had happened.

    \b
    Examples:
      pcrl pretrain --cache ./cache
      pcrl pretrain --cache ./cache --recipe cpu-3d --set training.epochs=5 --out runs/first
      pcrl pretrain --cache ./cache --out runs/first --resume
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.loading.ring import LoaderError
    from pcrl.models.device import DeviceError
    from pcrl.models.weights.published import WeightsError
    from pcrl.training.pretrain import pretrain as run
    from pcrl.training.run_folder import RunError
    from pcrl.training.trainer import TrainingError

    from .pretraining import PretrainingDisplay

    kinds = (RecipeError, CacheError, LoaderError, DeviceError, WeightsError, RunError, TrainingError)
    with user_errors(*kinds), PretrainingDisplay() as display:
        result = run(
            cache, datasets=names, recipe=recipe, overrides=overrides, out=out, init=init, resume=resume,
            device=device, progress=display,
        )  # fmt: skip
    if not result.finished:
        go_on = f"pcrl pretrain --cache {cache} --out {result.folder} --resume"
        console.print(f"Stopped, and saved. Continue with: {go_on}")
        raise SystemExit(130)
    if not display.has_begun:
        console.print(f"{result.folder} is finished already.")
        return
    folder = result.folder
    console.print(
        f"Finished: {folder} (weights in {folder / 'checkpoints'}, pictures in {folder / 'pictures'}, log in "
        f"{folder / 'metrics.jsonl'}; tensorboard --logdir {folder})."
    )
    if result.fallbacks:
        console.print(
            f"For {result.fallbacks} samples no pair of global views was drawn that overlaps enough and holds enough "
            "tissue; the best pair that was drawn was used."
        )
