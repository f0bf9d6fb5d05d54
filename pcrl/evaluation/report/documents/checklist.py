"""The checklist of an evaluation: the items of CLAIM 2024, with the answers that the record has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pcrl.evaluation.records.results import Results
from pcrl.evaluation.report.documents import facts
from pcrl.evaluation.report.documents.answers import Answer, answers_on_data, answers_on_training
from pcrl.evaluation.report.documents.claim import ITEMS
from pcrl.evaluation.report.documents.markdown import render_markdown
from pcrl.evaluation.report.documents.scores import answers_on_scores
from pcrl.files import write_text

CHECKLIST = "checklist.md"


@dataclass(frozen=True, slots=True)
class Line:
    """An item with the record's answer; none where only the author can answer."""

    number: int
    item: str
    answer: Answer | None


def write_checklist(results: Results, folder: Path) -> Path:
    """Write `checklist.md`: what the record answers, with where it stands; all else is left to the author.

    Args:
        folder: the evaluation's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sections = checked(results)
    lines = [line for section in sections.values() for line in section]
    page = render_markdown(
        "checklist.md.jinja",
        results=results,
        subject=facts.subject(results),
        doubts=facts.doubts(results),
        sections=sections,
        items=len(lines),
        whole=sum(line.answer is not None and not line.answer.author for line in lines),
        part=sum(line.answer is not None and bool(line.answer.author) for line in lines),
        left=sum(line.answer is None for line in lines),
    )
    write_text(folder / CHECKLIST, page)
    return folder / CHECKLIST


def checked(results: Results) -> dict[str, list[Line]]:
    """Every item, by section."""
    answers = answers_on_data(results) | answers_on_training(results) | answers_on_scores(results)
    return {
        section: [Line(number, item, answers.get(number)) for number, item in items]
        for section, items in ITEMS.items()
    }
