"""Axes of a panel: from values to places along it, and where the ticks are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pcrl.evaluation.report.numbers import MINUS


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its text; an empty text is a line only."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, linear or logarithmic; `low` < `high`, both positive where logarithmic."""

    title: str
    low: float
    high: float
    ticks: tuple[Tick, ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value is: 0 at `low`, 1 at `high`; values outside are put on the nearer end."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear(values: Iterable[float], title: str, *, within: tuple[float, float] | None = None) -> Axis:
    """An axis round all values, from a tick to a tick.

    Args:
        within: where the quantity can be at all, such as (0, 1); the axis does not go beyond.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = max(abs(high) * 0.1, 0.05)
        low, high = low - margin, high + margin
    step = _step((high - low) / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if within is not None:
        first = max(first, math.ceil(within[0] / step - 1e-9))
        last = min(last, math.floor(within[1] / step + 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = [
        Tick(n * step, f"{n * step:.{decimals}f}".replace("-", MINUS) if n else "0")
        for n in range(first, last + 1)
    ]
    return Axis(title, ticks[0].value, ticks[-1].value, tuple(ticks))


def whole(last: int, title: str) -> Axis:
    """Epochs: from 0 to `last`, with whole numbers at the ticks."""
    step = max(1, round(_step(last / 5)))
    return Axis(title, 0.0, float(max(last, 1)), tuple(Tick(n, str(n)) for n in range(0, last + 1, step)))


def logarithmic(places: Sequence[Tick], title: str) -> Axis:
    """An axis with a little room beyond the first and the last tick."""
    low, high = places[0].value, places[-1].value
    room = (high / low) ** 0.06 if high > low else 1.5
    return Axis(title, low / room, high * room, tuple(places), logarithmic=True)


def _step(rough: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) that is not smaller, or hardly so."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.99)
