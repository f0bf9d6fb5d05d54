"""Training, epoch by epoch: loss and validation score of every run, the chosen epochs marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from markupsafe import Markup

from pcrl.evaluation.records.results import ArmResult, Results, Run
from pcrl.evaluation.report.figures.axes import linear, whole
from pcrl.evaluation.report.figures.panel import Panel

Points = list[tuple[float, float]]


def training_figure(results: Results) -> list[list[Markup]]:
    """A panel for each arm of the loss, and one of the validation score; all arms on the same axes."""
    runs = [run for arm in results.arms for run in arm.runs]
    last = max((epoch for run in runs for epoch, _ in (*_losses(run), *_validations(run))), default=1)
    kinds: tuple[tuple[str, str, Callable[[Run], Points]], ...] = (
        ("loss", "mean training loss of the epoch", _losses),
        ("validation", "score of validation patients, higher is better", _validations),
    )
    figures = []
    for kind, title, points in kinds:
        x, y = whole(int(last), "epoch"), linear(_heights(runs, points), title)
        panels = [Panel(f"{arm.name}: {kind}", x, y, height=220) for arm in results.arms]
        figures.append(
            [
                _drawn(panel, arm, n, points, kind)
                for n, (panel, arm) in enumerate(zip(panels, results.arms, strict=True))
            ]
        )
    return figures


def run_name(run: Run) -> str:
    """Seed, and fold if there are several."""
    return f"seed {run.seed}" if run.fold is None else f"seed {run.seed}, fold {run.fold}"


def _drawn(panel: Panel, arm: ArmResult, number: int, points: Callable[[Run], Points], kind: str) -> Markup:
    said = []
    for n, run in enumerate(arm.runs):
        drawn = points(run)
        panel.line(drawn, number, dash=n, title=run_name(run))
        at = dict(drawn).get(run.chosen_epoch)
        if at is not None:
            text = f"{run_name(run)}: epoch {run.chosen_epoch} was chosen, {kind} {at:.4g}"
            panel.mark(run.chosen_epoch, at, number, text, size=5)
            said.append(text)
    if not any(points(run) for run in arm.runs):
        panel.empty("no validation patients" if kind == "validation" else "not recorded")
    return panel.svg(f"{arm.name}, {kind} by epoch. {'; '.join(said)}")


def _losses(run: Run) -> Points:
    return [(float(n), loss) for n, loss in enumerate(run.losses, start=1) if math.isfinite(loss)]


def _validations(run: Run) -> Points:
    return [(float(epoch), score) for epoch, score in run.validations if math.isfinite(score)]


def _heights(runs: Iterable[Run], points: Callable[[Run], Points]) -> list[float]:
    return [height for run in runs for _, height in points(run)]
