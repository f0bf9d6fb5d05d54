"""One external test from its opening to its results: the networks predict, and are scored as in their evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from pcrl.evaluation.records.kept import PREDICTIONS, kept_predictions, kept_weights
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Results
from pcrl.evaluation.run.progress import PlannedEvaluation, Progress
from pcrl.evaluation.run.study import Study
from pcrl.evaluation.run.trainings import RUNS, Finished, keep_predictions, read
from pcrl.evaluation.tasks.task import Predictions


@dataclass(frozen=True, slots=True)
class ExternalStudy(Study):
    """An external test that can begin; `cohorts` and `task` are of the other data set.

    Args:
        evaluation: folder of the evaluation that trained the networks.
        trained_on: its data set.
        training_of: replicate here → that of the evaluation.
        notes_on_labels: how the labels of the other data set were found.
    """

    evaluation: Path = Path()
    trained_on: str = ""
    training_of: Mapping[Replicate, Replicate] = field(default_factory=dict)
    notes_on_labels: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """What a reader must know of this test; what there is to be known of training is in the evaluation."""
        source = (
            f"external test: the networks of {self.evaluation} were trained and chosen on {self.trained_on}, and "
            f"nothing of {self.request.dataset} was used for them"
        )
        folds = len({own.fold for own in self.training_of.values()})
        every = f"the {folds} networks of the folds count as trainings of their own, like seeds"
        return (
            source,
            *([every] if folds > 1 else []),
            *self.notes_on_labels,
            *self.chosen.notes,
            *self.verdict.notes,
            *self.cohorts.notes_on_test(),
            *self.task.notes_on_test(),
            *self._of_one_training(),
        )

    def planned(self) -> PlannedEvaluation:
        """What is about to be done, as it is told: no epoch is trained."""
        whole = Study.planned(self)
        return replace(whole, epochs=whole.runs)

    def run(self, folder: Path, device: torch.device, progress: Progress) -> Results:
        """Predict what is not predicted yet, and score; the record that is returned is not written yet.

        Raises:
            ProtocolError: a training of the evaluation is missing or damaged.
        """
        finished: dict[str, dict[Replicate, Finished]] = {}
        for arm in self.chosen.arms:
            finished[arm.name] = {}
            for replicate, own in self.training_of.items():
                trained = self.evaluation / RUNS / f"{arm.name}-{own}"
                kept = folder / RUNS / f"{arm.name}-{replicate}"
                before = read(trained)
                predictions = _kept(kept) or self._predicted(
                    trained, replicate, arm.name, device, folder, kept
                )
                # What validation patients came to is of the evaluation: thresholds are chosen there.
                finished[arm.name][replicate] = Finished(before.run, {**before.predictions, **predictions})
                progress.trained(arm.name, replicate)
        return self.results(finished, folder).model_copy(
            update={"trained_on": self.trained_on, "evaluation": str(self.evaluation)}
        )

    def _predicted(
        self, trained: Path, replicate: Replicate, arm: str, device: torch.device, folder: Path, kept: Path
    ) -> Predictions:
        model = self.task.build(None)
        model.load_state_dict(load_file(kept_weights(trained)))
        predictions = self.task.predict(model.to(device), replicate, arm, device, folder)
        kept.mkdir(parents=True, exist_ok=True)
        scored = {name: one for name, one in predictions.items() if not name.startswith("validation")}
        keep_predictions(kept, scored)
        return scored


def _kept(folder: Path) -> Predictions | None:
    """What a network predicted before this test was stopped."""
    if not (folder / PREDICTIONS).is_file():
        return None
    return kept_predictions(folder / PREDICTIONS)
