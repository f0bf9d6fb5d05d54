"""How numbers are written in a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from pcrl.evaluation.records.results import Interval, Metric

NOTHING = "–"
MINUS = "−"


def decimals_for(values: Iterable[float | None]) -> int:
    """Decimals that suit all values of a metric, so that they can be compared down a column: 3, 2 or 1."""
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    return 3 if largest < 2 else 2 if largest < 20 else 1


def number(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """A value with a true minus sign; a dash where it is not defined.

    Args:
        sign: also of positive values, as for differences.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:+.{decimals}f}" if sign else f"{value:.{decimals}f}"
    if not float(text):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def interval(ends: Interval | None, decimals: int, *, sign: bool = False) -> str:
    """Both ends of an interval; empty where there is none."""
    if ends is None:
        return ""
    return " to ".join(number(end, decimals, sign=sign) for end in ends)


def p_value(p: float | None) -> str:
    """A p with three decimals; below 0.001 it says so."""
    if p is None:
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, to about a hundredth."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def moment(written: str) -> str:
    """Day and time of an ISO date; anything else as it is."""
    try:
        return f"{datetime.fromisoformat(written):%Y-%m-%d, %H:%M}"
    except ValueError:
        return written


def percent(fraction: float) -> str:
    """A fraction as percent."""
    return f"{100 * fraction:.3g} %"


def with_unit(metric: Metric) -> str:
    """Title of a metric with its unit, as of a single case."""
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title


def titled(metric: Metric) -> str:
    """Title of a metric of all patients, with its unit, and whether it is a median."""
    said = [*(["median"] if metric.summary == "median" else []), *([metric.unit] if metric.unit else [])]
    return f"{metric.title} ({', '.join(said)})" if said else metric.title


def counts_in_words(counts: Mapping[str, int]) -> str:
    """What stands behind a score: `12 positives, 40 negatives`."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())
