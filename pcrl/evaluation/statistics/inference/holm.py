"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p-values corrected for how many there are (Holm 1979), in their order; what is not tested stays None.

    The chance that any true null hypothesis among them has a corrected p below 0.05 is 0.05 at most.
    """
    corrected: list[float | None] = [None] * len(values)
    tested = sorted((value, place) for place, value in enumerate(values) if value is not None)
    highest = 0.0
    for done, (value, place) in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - done) * value))
        corrected[place] = highest
    return corrected
