"""One evaluation from its opening to its results."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch

from pcrl.config import Recipe
from pcrl.engine.cache.lock import locked
from pcrl.evaluation.arms.choose import ChosenArms
from pcrl.evaluation.cohorts.cohorts import Cohorts
from pcrl.evaluation.leak.check import Verdict
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.request import Request, save_request
from pcrl.evaluation.records.results import ArmResult, Results, save_results
from pcrl.evaluation.report import write_checklist, write_model_card, write_report
from pcrl.evaluation.run.progress import PlannedEvaluation, Progress
from pcrl.evaluation.run.tables import write_splits, write_subgroups, write_tables
from pcrl.evaluation.run.trainings import Finished, Plan, Trainings
from pcrl.evaluation.statistics.inference.comparisons import corrected
from pcrl.evaluation.tasks.registry import entry_of
from pcrl.evaluation.tasks.task import Task
from pcrl.training.records.versions import versions


@dataclass(frozen=True, slots=True)
class Study:
    """An evaluation that can begin.

    Args:
        verdict: whether pre-training saw what is tested, which is allowed then.
    """

    request: Request
    cohorts: Cohorts
    task: Task
    chosen: ChosenArms
    recipe: Recipe
    verdict: Verdict

    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        return (
            *self.chosen.notes,
            *self.verdict.notes,
            *self.cohorts.notes_on_training(),
            *self.cohorts.notes_on_test(),
            *self.task.notes_on_training(),
            *self.task.notes_on_test(),
            *self._unchosen_rates(),
            *self._of_one_training(),
        )

    def _of_one_training(self) -> tuple[str, ...]:
        several = len({replicate.seed for replicate in self.cohorts.replicates}) > 1
        if several or len(self.chosen.arms) < 2:
            return ()
        return (
            "one training of each arm: differences between arms come by chance; --seeds 3 or more tests them",
        )

    def describe(self) -> str:
        """Who takes part, in words."""
        return "; ".join([self.cohorts.describe(), *self.task.describe()])

    def planned(self) -> PlannedEvaluation:
        """What is about to be done, as it is told."""
        runs = len(self.chosen.arms) * len(self.cohorts.replicates)
        return PlannedEvaluation(
            dataset=self.request.dataset,
            fraction=self.request.fraction,
            arms={arm.name: arm.about for arm in self.chosen.arms},
            patients=self.describe(),
            notes=self.notes(),
            runs=runs,
            epochs=runs * max(1, len(self.request.learning_rates)) * self.task.schedule().epochs,
        )

    def carry_out(self, folder: Path, device: torch.device, progress: Progress) -> Results:
        """Train, predict, score and write everything, `results.json` last: what has one is whole.

        Raises:
            CacheError: another process is writing to the folder.
            FloatingPointError: a loss became NaN or infinite at every learning rate.
        """
        with locked(folder):
            results = self.run(folder, device, progress)
            write_all(results, self.cohorts.owners(), folder)
        progress.written(results, folder)
        return results

    def run(self, folder: Path, device: torch.device, progress: Progress) -> Results:
        """Train what is not trained yet, and score; the record that is returned is not written yet.

        Raises:
            FloatingPointError: a loss became NaN or infinite at every learning rate.
        """
        save_request(self.request, folder)
        plan = Plan(self.request.learning_rates, self.request.freeze, self._without_validation())
        trainings = Trainings(self.task, self.cohorts, plan, folder, device, progress)
        return self.results(trainings.of(self.chosen.arms), folder)

    def _training_rules(self) -> dict[str, int]:
        """What a recipe need not state, as it is the default."""
        schedule = self.task.schedule()
        return {"fewest_steps": schedule.fewest_steps, "norm_batches": schedule.norm_batches}

    def _without_validation(self) -> frozenset[Replicate]:
        return frozenset(one for one in self.cohorts.replicates if not self.task.can_validate(one))

    def _unchosen_rates(self) -> list[str]:
        without = self._without_validation()
        if len(self.request.learning_rates) < 2 or not without:
            return []
        named = ", ".join(str(one) for one in self.cohorts.replicates if one in without)
        rate = self.task.schedule().learning_rate
        return [
            f"nobody validates in {named}, to choose among the learning rates: every arm has the recipe's, {rate:g}"
        ]

    def results(self, finished: Mapping[str, Mapping[Replicate, Finished]], folder: Path) -> Results:
        """The record of what all arms (name → replicate → what it came to) score.

        Args:
            folder: files of the task's own go there.
        """
        request, cohorts, entry = self.request, self.cohorts, entry_of(self.request.task)
        scored = self.task.score(
            {
                arm: {replicate: one.predictions for replicate, one in runs.items()}
                for arm, runs in finished.items()
            },
            folder,
        )
        arms = tuple(
            ArmResult(
                name=arm.name,
                about=arm.about,
                checkpoint=str(arm.checkpoint) if arm.checkpoint else None,
                runs=tuple(
                    one.run.model_copy(update={"validation_patients": cohorts.validating(replicate)})
                    for replicate, one in finished[arm.name].items()
                ),
                rows=tuple(scored.rows[arm.name]),
                cases=tuple(scored.cases[arm.name]),
                digest=request.weights.get(str(arm.checkpoint.resolve())) if arm.checkpoint else None,
            )
            for arm in self.chosen.arms
        )
        trained, _ = cohorts.counts(cohorts.replicates[0])
        owners, sides = cohorts.owners(), tuple(cohorts.side(replicate) for replicate in cohorts.replicates)
        return Results(
            task=request.task,
            dataset=request.dataset,
            command=request.command,
            created=datetime.now().isoformat(timespec="seconds"),
            # Of all sittings.
            seconds=sum(one.run.seconds for runs in finished.values() for one in runs.values()),
            protocol=request.protocol(entry.with_defaults({})) | self._training_rules(),
            patients=self.describe(),
            training_patients=trained,
            validation_patients=cohorts.validating(cohorts.replicates[0]),
            test_patients=len({owners[name] for side in sides for name in side.test}),
            notes=self.notes(),
            transductive=self.verdict.saw,
            virtual=cohorts.virtual(),
            metrics=self.task.metrics,
            arms=arms,
            comparisons=corrected(scored.comparisons),
            lines=tuple(scored.lines),
            subgroups=tuple(scored.subgroups),
            pictures=tuple(scored.pictures),
            splits=sides,
            recipe=self.recipe.model_dump(mode="json", include=set(entry.settings)),
            versions=versions(),
            machine=f"{platform.platform()}, {torch.get_num_threads()} threads",
        )


def write_all(results: Results, owners: Mapping[str, str], folder: Path) -> None:
    """Write tables, report, model card, checklist, and `results.json` last: what has one is whole.

    Args:
        owners: the patient of each case, or of each image.
    """
    write_tables(results, folder)
    write_subgroups(results, folder)
    write_splits(results.splits, owners, folder)
    write_report(results, folder)
    write_model_card(results, folder)
    write_checklist(results, folder)
    save_results(results, folder)
