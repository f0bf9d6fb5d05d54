"""Reliability diagrams: a small panel for each label, a line for each arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pcrl.evaluation.statistics.probabilities.calibration import calibration, error_by_chance
from pcrl.evaluation.statistics.roc import Scores, Truth

_COLUMNS = 5
# Lines may run behind a legend: its text must stay legible.
_LEGEND: dict[str, Any] = {"fontsize": 6.5, "framealpha": 0.6, "edgecolor": "none", "handlelength": 1.5}


def save_calibration(path: Path, arms: Mapping[str, Scores], truth: Truth, labels: Sequence[str]) -> None:
    """Write reliability diagrams.

    Args:
        arms: name → probabilities (n, labels).
        truth: (n, labels), NaN where an image does not count for a label.
    """
    figure, panels = _panels(len(labels))
    for column, (axis, label) in enumerate(zip(panels, labels, strict=True)):
        axis.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
        for name, scores in arms.items():
            reliability = calibration(scores[:, column], truth[:, column])
            if reliability is not None:
                by_chance = error_by_chance(scores[:, column], truth[:, column])
                text = f"{name}, error {reliability.error:.3f}, by chance {by_chance:.3f}"
                axis.plot(
                    reliability.predicted, reliability.observed, "o-", linewidth=1, markersize=2.5, label=text
                )
        _finish(axis, label, "predicted", "observed")
        if np.isnan(truth[:, column]).all():
            axis.text(0.5, 0.2, "undefined", ha="center", va="center", color="0.5", fontsize=9)
        else:
            axis.legend(loc="upper left", **_LEGEND)
    _save(figure, path)


def _panels(count: int) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = math.ceil(count / _COLUMNS)
    columns = math.ceil(count / rows)
    figure = Figure(figsize=(2.7 * columns, 2.9 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    panels = list(grid.ravel())
    for axis in panels[count:]:
        axis.set_axis_off()
    return figure, panels[:count]


def _finish(axis: Any, title: str, x: str, y: str) -> None:
    axis.set_title(title, fontsize=8.5)
    axis.set_xlabel(x, fontsize=7)
    axis.set_ylabel(y, fontsize=7)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.02)
    axis.set_aspect("equal")
    axis.tick_params(labelsize=6.5)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
