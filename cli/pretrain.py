"""`pcrl pretrain`: an encoder from what is in the cache, without labels."""

from __future__ import annotations

import shlex
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
@click.option(
    "--mixed", is_flag=True, help="Train on data sets of several spacings, or sizes of images, together."
)
@setting("training.epochs=10")
@DEVICE
@click.option(
    "--deterministic",
    is_flag=True,
    help="The same bits again on the same GPU, slower.  [as training.deterministic]",
)
@click.option(
    "--on-corrupt",
    type=click.Choice(["stop", "skip"]),
    help=(
        "What is done about a case of the cache that is damaged or gone: the run ends, or samples of other cases take "
        "its place, counted and named.  [default: stop; as training.on_corrupt]"
    ),
)
@click.option("--profile", is_flag=True, help="Leave a trace of ten steps in the folder profile of the run.")
def pretrain(
    cache: Path,
    names: tuple[str, ...],
    recipe: str | None,
    out: Path | None,
    init: Path | None,
    resume: bool,
    mixed: bool,
    overrides: tuple[str, ...],
    device: str,
    deterministic: bool,
    on_corrupt: str | None,
    profile: bool,
) -> None:
    """Pre-train an encoder, by default as PCRLv2 does. Test and validation patients are never seen.

    Stopped at any time (Ctrl-C, SIGTERM, even SIGKILL), it continues with --resume as if nothing had happened.

    \b
    Examples:
      pcrl pretrain --cache ./cache
      pcrl pretrain --cache ./cache --recipe cpu-3d --set training.epochs=5 --out runs/first
      pcrl pretrain --cache ./cache --out runs/first --resume
      pcrl pretrain --cache ./cache --on-corrupt skip
      torchrun --nproc-per-node 8 -m pcrl pretrain --cache ./cache --out runs/eight
    """
    from pcrl.config import RecipeError
    from pcrl.engine.cache.format import CacheError
    from pcrl.engine.loading.order import LoaderError
    from pcrl.models.device import DeviceError
    from pcrl.models.weights.published import WeightsError
    from pcrl.training.pretrain import pretrain as run
    from pcrl.training.ranks.world import RankError, launched
    from pcrl.training.records.run_folder import RunError
    from pcrl.training.trainer import TrainingError

    from .pretraining import PretrainingDisplay, replaced_in_words

    if deterministic:
        overrides = (*overrides, "training.deterministic=true")
    if on_corrupt is not None:
        overrides = (*overrides, f"training.on_corrupt={on_corrupt}")
    kinds = (
        RecipeError,
        CacheError,
        LoaderError,
        DeviceError,
        WeightsError,
        RunError,
        TrainingError,
        RankError,
    )
    with user_errors(*kinds), PretrainingDisplay() as display:
        result = run(
            cache, datasets=names, recipe=recipe, overrides=overrides, out=out, init=init, resume=resume,
            device=device, profile=profile, mixed=mixed, progress=display,
        )  # fmt: skip
    if not launched().is_first:
        raise SystemExit(0 if result.finished else 130)
    if not result.finished:
        go_on = shlex.join(
            ["pcrl", "pretrain", "--cache", str(cache), "--out", str(result.folder), "--resume"]
        )
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
    if result.replaced:
        console.print(
            f"{replaced_in_words(result.replaced)}. Check the cache with `pcrl cache verify`, and ingest again."
        )
    if result.fallbacks:
        console.print(
            f"For {result.fallbacks} samples no pair of global views was drawn that overlaps enough and holds enough "
            "tissue; the best pair that was drawn was used."
        )
