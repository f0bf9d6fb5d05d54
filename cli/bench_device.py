"""The part of `pcrl bench` that tries batch sizes on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from .console import console, tell_note

if TYPE_CHECKING:
    import torch

    from pcrl.config import Recipe
    from pcrl.training.stepping.memory import Trial

_LARGER = 4
"""On a GPU, batches of up to so many times the recipe's are tried."""


def step_time(settings: Recipe, device: torch.device) -> float | None:
    """Try batch sizes, show what they take, and say which fits.

    Returns:
        Milliseconds of a step of the recipe's batch, in its parts; none if that does not fit.
    """
    from pcrl.training.stepping.memory import too_large

    wanted = settings.training.batch_size // settings.training.accumulate
    trials = _trials(settings, device, wanted)
    console.print(_table(trials, settings, device))
    found = {trial.batch: trial for trial in trials}
    if wanted not in found:
        tell_note(too_large(settings, device))
        return None
    console.print(
        f"A step of {wanted} samples takes {1e3 * found[wanted].seconds:.0f} ms on {device}, "
        + ("not compiled; compiled it needs more threads." if device.type == "cuda" else "as in training.")
    )
    return float(round(1e3 * found[wanted].seconds * settings.training.accumulate))


def _trials(settings: Recipe, device: torch.device, wanted: int) -> list[Trial]:
    from pcrl.training.stepping.memory import LEAST, try_batch

    most = _LARGER * wanted if device.type == "cuda" else wanted
    sizes = sorted({wanted, *(LEAST * 2**n for n in range(most.bit_length()) if LEAST * 2**n <= most)})
    trials: list[Trial] = []
    for size in sizes:
        with console.status(f"trying a batch of {size}"):
            trial = try_batch(settings, device, size)
        if trial is None:
            break
        trials.append(trial)
    return trials


def _table(trials: list[Trial], settings: Recipe, device: torch.device) -> Table:
    memory = ["memory, GB"] if device.type == "cuda" else []
    table = Table(
        "batch", "a step, ms", "samples/s", *memory, title=f"Steps of recipe {settings.name} on {device}",
        title_justify="left",
    )  # fmt: skip
    for trial in trials:
        row = [str(trial.batch), f"{1e3 * trial.seconds:.0f}", f"{trial.batch / trial.seconds:.1f}"]
        table.add_row(*row, *([f"{trial.gigabytes:.1f}"] if memory else []))
    return table
