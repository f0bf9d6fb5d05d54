"""ROC and FROC curves: a panel for each label, a line for each arm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from pcrl.evaluation.records.results import Line, Results
from pcrl.evaluation.report.figures.axes import Axis, Tick
from pcrl.evaluation.report.figures.panel import Panel
from pcrl.evaluation.statistics.froc import RATES, RATES_IN_WORDS

_SHARES = tuple(Tick(value, f"{value:g}") for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


def line_figure(results: Results, kind: str) -> list[Markup]:
    """Panels of one kind, `roc` or `froc`; none if there are no such lines."""
    labels = dict.fromkeys(line.label for line in results.lines if line.kind == kind)
    names = [arm.name for arm in results.arms]
    panels = []
    for label in labels:
        lines = [line for line in results.lines if (line.kind, line.label) == (kind, label)]
        numbered = [(names.index(line.arm) if line.arm in names else len(names), line) for line in lines]
        panels.append(_roc(label, numbered) if kind == "roc" else _froc(label, numbered))
    return panels


def _roc(label: str, lines: Sequence[tuple[int, Line]]) -> Markup:
    x, y = (Axis(title, 0, 1, _SHARES) for title in ("false positive rate", "true positive rate"))
    panel = Panel(label, x, y, height=340)
    panel.segment((0, 0), (1, 1), "chance")
    for arm, line in lines:
        panel.line(zip(line.x, line.y, strict=True), arm, dash=arm, title=line.arm)
    return panel.svg(
        f"ROC curves of {label}: {', '.join(line.arm for _, line in lines)}. Areas are in the tables."
    )


def _froc(label: str, lines: Sequence[tuple[int, Line]]) -> Markup:
    ticks = tuple(map(Tick, RATES, RATES_IN_WORDS))
    x = Axis("false positives a scan (logarithmic)", 0.125 / 1.06, 8 * 1.06, ticks, logarithmic=True)
    panel = Panel(label, x, Axis("sensitivity", 0, 1, _SHARES), height=300)
    said = []
    for arm, line in lines:
        points = read_off(line, np.unique([*RATES, *(v for v in line.x if 0.125 < v < 8)]).tolist())
        panel.line(points, arm, dash=arm, title=line.arm)
        marked = read_off(line, RATES)
        for rate, sensitivity in marked:
            panel.mark(rate, sensitivity, arm, f"{line.arm}: {sensitivity:.3f} at {rate:g} a scan")
        said.append(
            f"{line.arm} {', '.join(f'{sensitivity:.3f} at {rate:g}' for rate, sensitivity in marked)}"
        )
    return panel.svg(f"FROC curves of {label}, sensitivity at false positives a scan: {'; '.join(said)}.")


def read_off(line: Line, rates: Sequence[float]) -> list[tuple[float, float]]:
    """Sensitivity at rates of false positives, linear between points; beyond the last point as there, as LUNA16 does.

    Rates before the first point are left out.
    """
    if not line.x:
        return []
    within = [rate for rate in rates if rate >= line.x[0]]
    return list(zip(within, np.interp(within, line.x, line.y).tolist(), strict=True))
