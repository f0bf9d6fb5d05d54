"""The curves of tier 1 as a small picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transferring.summary import Summary


def draw(summary: Summary, path: Path) -> None:
    """Dice over labelled patients, one line an arm: PNG or SVG by the name of `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axis: Any = figure.subplots()
    for name, found in summary.dice.items():
        counts = sorted(found)
        values = [found[count] for count in counts]
        style = "-" if name == "pre-trained" else "--"
        axis.plot(counts, values, style, marker="o", markersize=4, label=name)
    axis.set_xscale("log", base=2)
    ticks = sorted({count for found in summary.dice.values() for count in found})
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.set_xlabel("labelled virtual patients")
    axis.set_ylabel("mean Dice of six organs")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
