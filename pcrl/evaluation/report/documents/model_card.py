"""The model card of an evaluation, in the layout of the model cards of the Hugging Face Hub.

Layout and fields: https://huggingface.co/docs/hub/model-cards, and the template of `huggingface_hub`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from pcrl.evaluation.records.results import Results
from pcrl.evaluation.report.documents import facts
from pcrl.evaluation.report.documents.markdown import render_markdown
from pcrl.evaluation.report.tables.comparisons import compared, explained
from pcrl.evaluation.report.tables.headline import definitions, headline, metric_of
from pcrl.evaluation.report.tables.seeds import without_interval
from pcrl.evaluation.report.tables.subgroups import groups_without_interval, subgroup_table
from pcrl.files import write_text

MODEL_CARD = "model-card.md"


@dataclass(frozen=True, slots=True)
class KnownScore:
    """A score of the card's arm, for the metadata; `name` says of what it is, and what makes it doubtful."""

    metric: str
    name: str
    value: float


def write_model_card(results: Results, folder: Path) -> Path:
    """Write `model-card.md`: of the first arm, with the others to compare it with.

    What only an author can know is marked `to be filled in by the author`. The licence is such a thing: it stands in
    the metadata as a comment. Scores that are not defined are not in the metadata; the table says so.

    Args:
        folder: the evaluation's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = render_markdown(
        "model-card.md.jinja",
        results=results,
        facts=facts,
        subject=facts.subject(results),
        doubts=facts.doubts(results),
        arm=results.arms[0] if results.arms else None,
        kind=facts.hub_task(results),
        known=known_scores(results),
        rows=headline(results),
        detailed=bool(headline(results, details=True)),
        end_point=facts.end_point(results),
        definitions=definitions(results),
        comparisons=compared(results),
        explained=explained(results),
        without_interval=[*without_interval(results), *groups_without_interval(results)],
        subgroups=subgroup_table(results),
        recipe=facts.task_settings(results),
        protocol=facts.task_options(results),
        architecture=facts.settings_in_words(results, "model"),
        preprocessing=facts.settings_in_words(results, "data"),
        criteria=list(dict.fromkeys(run.criterion for arm in results.arms for run in arm.runs)),
    )
    write_text(folder / MODEL_CARD, page)
    return folder / MODEL_CARD


def known_scores(results: Results) -> list[KnownScore]:
    """Scores of the first arm that are defined, in their order."""
    if not results.arms:
        return []
    doubts = [
        *(["transductive"] if results.transductive else []),
        *([f"{results.virtual} virtual or synthetic test cases"] if results.virtual else []),
    ]
    after = f" ({', '.join(doubts)})" if doubts else ""
    return [
        KnownScore(row.metric, f"{metric_of(results, row.metric).title} of {row.label}{after}", row.value)
        for row in results.arms[0].rows
        if row.value is not None and math.isfinite(row.value)
    ]
