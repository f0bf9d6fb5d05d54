"""One sample into its place in a batch; in the place of one that cannot be read another one, if that is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pcrl.engine.batch import Renderer, SampleSlot, StageTimes
from pcrl.engine.cache.format import CacheError
from pcrl.engine.loading.order import LoaderError, Order
from pcrl.kernels.streams import sample_key, stream, uniforms

_TRIALS = 32
"""Samples in a row that may be damaged; of a cache that is worth training on, two hardly ever are."""
_REPLACED = 1 << 34
"""Word that sets the streams of replacements apart from those of samples, order and steps."""
_DAMAGE = (CacheError, OSError)
"""What a case that is damaged or gone raises; other errors are nobody's data."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a sample.

    Args:
        key, case: of what is in the batch now.
        skipped: cases whose sample was to be here, and why it could not be read.
    """

    key: int
    case: str
    is_fallback: bool
    spent: StageTimes
    skipped: tuple[tuple[str, str], ...] = ()


def make(renderer: Renderer, order: Order, epoch: int, sample: int, workspace: Any, to: SampleSlot) -> Made:
    """Render a sample of an epoch.

    Where `training.on_corrupt` is `skip`, a sample of a case that is damaged or gone is replaced by one of all samples,
    which follows from its key alone: the same for any number of threads.

    Raises:
        LoaderError: names the case.
    """
    key, skipped = sample_key(order.seed, epoch, sample), list[tuple[str, str]]()
    first = key
    while True:
        name = renderer.name_of(sample)
        try:
            fallback, spent = renderer.make(key, sample, workspace, to)
            return Made(key, name, fallback, spent, tuple(skipped))
        except _DAMAGE as error:
            if renderer.recipe.training.on_corrupt == "stop":
                raise LoaderError(
                    f"case {name}: {_reason(error)}. To leave such cases out, train with --on-corrupt skip"
                ) from error
            skipped.append((name, _reason(error)))
        except Exception as error:
            raise LoaderError(f"case {name}: {str(error) or type(error).__name__}") from error
        if len(skipped) == _TRIALS:
            names = ", ".join(sorted({name for name, _ in skipped}))
            raise LoaderError(
                f"{_TRIALS} samples in a row cannot be read, of {names}; the last: {skipped[-1][1]}: the cache is "
                "damaged, or gone; check it with `pcrl cache verify`"
            )
        key = stream(stream(first, _REPLACED), len(skipped))
        count = sum(order.groups)
        sample = min(count - 1, int(uniforms(key, 1)[0] * count))


def _reason(error: Exception) -> str:
    """In words; errors of the system name their file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'its file'}: {error.strerror}"
    return str(error)
