"""Scores and comparisons as they are kept, and comparisons corrected for how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pcrl.evaluation.records.results import Comparison, Row
from pcrl.evaluation.statistics.inference.estimate import Estimate
from pcrl.evaluation.statistics.inference.holm import holm


def row_of(
    named: tuple[str, str],
    known: Estimate | None,
    seeds: Sequence[int],
    patients: int,
    counts: Mapping[str, int],
    sd: float | None = None,
) -> Row:
    """A score of an arm as it is kept.

    Args:
        named: label and metric.
        known: none where the score is undefined.
    """
    return Row(
        label=named[0],
        metric=named[1],
        value=known.value if known else None,
        by_seed=dict(zip(seeds, known.by_seed if known else [None] * len(seeds), strict=True)),
        sd=sd,
        interval=known.interval if known else None,
        why=known.why if known else "",
        patients=patients,
        counts=dict(counts),
    )


def comparison(
    arms: tuple[str, str], named: tuple[str, str], known: Estimate, seeds: Sequence[int], patients: int
) -> Comparison:
    """A difference of two arms as it is kept.

    Args:
        arms: names of the first and the second.
        named: label and metric.
    """
    return Comparison(
        label=named[0],
        metric=named[1],
        arm=arms[0],
        minus=arms[1],
        difference=known.value,
        by_seed=dict(zip(seeds, known.by_seed, strict=True)),
        interval=known.interval,
        p=known.p,
        why=known.why,
        patients=patients,
    )


def corrected(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same with `p_holm`: those of the end point's test set are one family, those beside it another.

    What a further test set shows must not cost the end point's tests their power.
    """
    of_family = {
        beside: iter(holm([each.p for each in comparisons if each.beside is beside]))
        for beside in (False, True)
    }
    return tuple(each.model_copy(update={"p_holm": next(of_family[each.beside])}) for each in comparisons)
