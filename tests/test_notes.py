"""A note that nobody shows is logged."""

from pathlib import Path

import pytest

from pcrl.engine import progress as ingest
from pcrl.evaluation.run import progress as evaluation
from pcrl.training import progress as training


@pytest.mark.parametrize("kind", [ingest.Progress, training.Progress, evaluation.Progress])
def test_notes_are_logged_by_default(kind, caplog):
    kind().note("100 % of the patients are virtual")
    assert caplog.record_tuples == [("pcrl", 30, "100 % of the patients are virtual")]


def test_those_of_an_evaluation_come_with_its_plan(caplog):
    plan = evaluation.PlannedEvaluation("lits", 1.0, {}, "2 patients", ("one", "two"), 1, 1)
    evaluation.Progress().planned(plan, Path())
    assert caplog.messages == ["one", "two"]
