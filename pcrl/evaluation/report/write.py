"""The report of one evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import Results
from pcrl.evaluation.report.curve import linked
from pcrl.evaluation.report.figures.fractions import arm_numbers, curve_rows, fraction_figure
from pcrl.evaluation.report.figures.lines import line_figure
from pcrl.evaluation.report.figures.montage import montages
from pcrl.evaluation.report.figures.patients import has_patients, patients_figure
from pcrl.evaluation.report.figures.training import run_name, training_figure
from pcrl.evaluation.report.page import flat, render
from pcrl.evaluation.report.tables.cases import MOST_ROWS, case_table, label_table
from pcrl.evaluation.report.tables.comparisons import compared, explained
from pcrl.evaluation.report.tables.headline import definitions, headline
from pcrl.evaluation.report.tables.seeds import seed_table, seeds_of, without_interval
from pcrl.evaluation.report.tables.subgroups import groups_without_interval, subgroup_table
from pcrl.files import write_text

REPORT = "report.html"
MOST_NAMES = 1000
"""Names of a side of a split that are written into the page; `results.json` has all."""


def write_report(results: Results, folder: Path, curve: Sequence[CurvePoint] = ()) -> Path:
    """Write `report.html`: one file that needs no other and no network.

    Args:
        folder: the evaluation's; pictures are read from it.
        curve: of this evaluation and others with other fractions of the labels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metrics = {metric.name: metric for metric in results.metrics}
    numbers = arm_numbers(curve, [arm.name for arm in results.arms])
    page = render(
        "report.html.jinja",
        results=results,
        arm_numbers=numbers,
        test_cases=_test_cases(results),
        headline=headline(results),
        details=headline(results, details=True),
        definitions=definitions(results),
        comparisons=compared(results),
        explained=explained(results),
        seeds=seeds_of(results),
        seed_rows=seed_table(results),
        without_interval=without_interval(results),
        subgroups=subgroup_table(results),
        groups_without_interval=groups_without_interval(results),
        patient_panels=patients_figure(results),
        patients_drawn=has_patients(results),
        cases=case_table(results),
        most_rows=MOST_ROWS,
        labels=label_table(results),
        training_panels=training_figure(results),
        criteria=list(dict.fromkeys(run.criterion for arm in results.arms for run in arm.runs)),
        run_name=run_name,
        curve=linked(curve_rows(curve, metrics)),
        curve_panels=fraction_figure(curve, numbers, metrics),
        roc=line_figure(results, "roc"),
        froc=line_figure(results, "froc"),
        montages=montages(results, folder),
        first_seed=_first_seed(results),
        most_names=MOST_NAMES,
        protocol=flat(results.protocol),
        recipe=flat(results.recipe),
    )
    write_text(folder / REPORT, page)
    return folder / REPORT


def _first_seed(results: Results) -> str:
    """What curves and pictures are of, where tables are means over seeds."""
    several = len(seeds_of(results)) > 1
    return " Shown for the first seed; the tables are means over all seeds." if several else ""


def _test_cases(results: Results) -> int:
    """How many test cases there are, of all folds."""
    named = {name for side in results.splits for name in side.test}
    return len(named or {case.case for arm in results.arms for case in arm.cases})
