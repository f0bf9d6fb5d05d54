"""What the record of an evaluation answers to the items of CLAIM on metrics, scores and limits."""

from __future__ import annotations

from pcrl.evaluation.records.results import Results
from pcrl.evaluation.report.documents import facts
from pcrl.evaluation.report.documents.answers import Answer
from pcrl.evaluation.report.numbers import titled
from pcrl.evaluation.report.tables.comparisons import explained
from pcrl.evaluation.report.tables.headline import HeadlineRow, headline
from pcrl.evaluation.report.tables.seeds import seeds_of, without_interval

_MOST_SCORES = 20
"""Scores that are written into an answer; `scores.csv` has all."""
_MOST_FAILURES = 10
"""Labels whose lowest score is named; `cases.csv` has all."""


def answers_on_scores(results: Results) -> dict[int, Answer]:
    """Answers to the items on evaluation, results and discussion, by number of the item."""
    found = {
        32: Answer(
            f"{results.test_patients} test patients of {results.dataset}, none of whom fine-tuning saw",
            "report.html; splits.csv",
            "whether all of this data set is of one origin",
        ),
        33: _external(results),
        42: Answer(
            f"Command: {results.command}",
            "evaluation.json; results.json: command, protocol, recipe",
            "the study's protocol",
        ),
        43: Answer(_software(results), "results.json: versions; runs/", "where model and data can be had"),
    }
    if metrics := facts.scored_metrics(results):
        end = facts.end_point(results)
        named = ", ".join(titled(metric) for metric in metrics)
        defined = "defined in the record" if any(metric.definition for metric in metrics) else ""
        first = f"End point: {end.title}. " if end else ""
        found[28] = Answer(
            f"{first}Metrics: {named}{', ' * bool(defined)}{defined}",
            "model-card.md; results.json: metrics",
            "" if defined else "definitions of the metrics, which the record lacks",
        )
        found[29] = Answer(_uncertainty(results), "scores.csv, comparisons.csv; results.json: why")
    if len(seeds_of(results)) > 1:
        found[30] = Answer(
            f"{len(seeds_of(results))} trainings of each arm with other seeds: their scores",
            "seeds.csv; report.html",
            "other analyses",
        )
    rows = headline(results)
    if main := [row for row in rows if row.main]:
        found[37] = Answer(_in_words(results, main), "scores.csv; report.html")
    if others := [row for row in rows if not row.main]:
        found[38] = Answer(_in_words(results, others), "scores.csv; report.html")
    if lowest := _lowest(results):
        found[39] = Answer(lowest, "cases.csv; report.html", "why these cases fail")
    elif any(arm.cases for arm in results.arms):
        found[39] = Answer("Every test case with its output", "cases.csv; report.html", "which fail, and why")
    if limits := [*facts.doubts(results), *results.notes]:
        found[40] = Answer(
            "; ".join(limit.rstrip(".") for limit in limits),
            "results.json: notes, transductive, virtual",
            "limitations of the study",
        )
    return found


def _software(results: Results) -> str:
    named = {name: results.versions[name] for name in ("pcrl", "commit") if name in results.versions}
    which = ", ".join(f"{name} {version}" for name, version in named.items())
    return f"Software: {which or 'pcrl; the record does not say which version'}"


def _uncertainty(results: Results) -> str:
    intervals = any(row.interval for arm in results.arms for row in arm.rows)
    over = "over patients and seeds" if len(seeds_of(results)) > 1 else "over patients, of one training"
    said = [f"95 % intervals of scores, {over}." if intervals else "No score has an interval."]
    return " ".join([*said, *without_interval(results), *explained(results)])


def _in_words(results: Results, rows: list[HeadlineRow]) -> str:
    names = [arm.name for arm in results.arms]
    said = [
        f"{row.metric} of {row.label}: "
        + ", ".join(
            f"{name} {facts.cell_in_words(cell)}" for name, cell in zip(names, row.cells, strict=True)
        )
        for row in rows[:_MOST_SCORES]
    ]
    more = len(rows) - len(said)
    return "; ".join([*said, *([f"and {more} more"] if more else [])])


def _lowest(results: Results) -> str:
    """The worst test case of the first arm, of each label, where cases have the end point."""
    end = facts.end_point(results)
    if end is None or not results.arms or end.better not in ("higher", "lower"):
        return ""
    scored: dict[str, dict[str, float]] = {}
    for case in results.arms[0].cases:
        value = case.values.get(end.name)
        if value is not None:
            scored.setdefault(case.label, {})[case.case] = value
    pick = min if end.better == "higher" else max
    said = []
    for label, values in list(scored.items())[:_MOST_FAILURES]:
        worst = pick(values, key=lambda name: values[name])
        said.append(f"{label}: {worst} ({values[worst]:.3g})")
    return f"Worst {end.title} of {results.arms[0].name}, {'; '.join(said)}" if said else ""


def _external(results: Results) -> Answer:
    if not results.trained_on:
        return Answer(
            f"None in this evaluation: training and test cases are both of the data set {results.dataset}",
            "results.json: dataset",
            "tests elsewhere, or why there are none",
        )
    return Answer(
        f"This is one: the networks were trained and chosen on {results.trained_on}, and tested on {results.dataset}",
        "results.json: trained_on, evaluation, dataset",
        "in what institutions, devices and patients the two differ",
    )
