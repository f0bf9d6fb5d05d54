"""Segmentation as a task: patches with their labels, a U-Net, Dice, HD95 and NSD on the original grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pcrl.config import Size, VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.cache.volumes.records import CaseRecord
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.volumes import VolumeCohort, VolumeCohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.masks.overlap import Rules, compare
from pcrl.evaluation.statistics.patients import Measured, case_rows
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup, each_onto, probabilities
from pcrl.evaluation.tasks.segmentation.learner import SegmentationLearner
from pcrl.evaluation.tasks.segmentation.overlay import save_overlay
from pcrl.evaluation.tasks.segmentation.pictures import extremes, overlay_file
from pcrl.evaluation.tasks.segmentation.summary import (
    PREDICTED,
    SUMMARIES,
    ScoredCase,
    arrays_of,
    comparisons_of,
    global_rows,
    metrics_of,
    rows_of,
    without_absent,
)
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.volumes import image_and_air
from pcrl.evaluation.tasks.task import Conditions, Predictions, Scored
from pcrl.listing import few
from pcrl.models.volumes.unet import build_unet

VALIDATIONS = 10
"""Times, in the epochs of the recipe, that validation patients are scored: whole volumes take time."""


class SegmentationTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Args:
        patch: what the network is shown where the recipe does not say.
        rules: how overlaps are scored; the recipe may have another tolerance, the target says the worst distance.
        truth: the regions that are scored, in the values of the test cases' labels; none: as they were learnt.
    """

    predicted = PREDICTED

    def __init__(
        self,
        cohorts: VolumeCohorts,
        target: Target,
        recipe: VolumeRecipe,
        patch: Size,
        rules: Rules,
        truth: Target | None = None,
    ) -> None:
        self.cohorts, self.target, self.recipe = cohorts, target, recipe
        self.truth = truth or target
        settings = recipe.finetuning
        tolerance = settings.tolerance or rules.tolerance
        self.rules = replace(rules, tolerance=tolerance, missing_distance=target.missing_distance)
        self.setup = SegmentationSetup(target, settings, settings.patch or patch, self.rules)
        self.metrics = metrics_of(self.rules)

    @cached_property
    def example(self) -> CaseRecord:
        """A case that is trained on, or else tested: of its channels and of its modality all are."""
        cohort = self._cohort(self.cohorts.replicates[0])
        return (*cohort.train[:1], *cohort.test[:1])[0].record

    @property
    def channels(self) -> int:
        """Of an image."""
        return len(self.example.intensities)

    @property
    def rebuild(self) -> dict[str, Any]:
        """What `pcrl predict` needs."""
        return {
            "kind": "segmentation",
            "target": self.target.plain(),
            "channels": self.channels,
            "patch": list(self.setup.patch),
            "modality": self.example.modality,
            "recipe": self.recipe.model_dump(mode="json"),
            "data": self.cohorts.dataset.record.recipe.data.model_dump(mode="json"),
            **self._prepared(),
        }

    def _prepared(self) -> dict[str, Any]:
        """How scans were prepared, where a new one could be prepared otherwise."""
        if self.example.modality == "mr":
            return {"format": self.example.format}
        # Values without fat and air were confirmed to be Hounsfield units.
        return {"confirmed": True} if self.example.forced_modality == "ct" else {}

    def can_validate(self, replicate: Replicate) -> bool:
        """Whether a validation patient has something to segment."""
        return len(self._absent(self._cohort(replicate).validation)) < len(self.target.names)

    def describe(self) -> list[str]:
        """Nothing but the cases, which the cohorts describe."""
        return []

    def notes_on_training(self) -> list[str]:
        """Labels that no training patient has."""
        learnt = [set(self._absent(cohort.train)) for cohort in self.cohorts.of.values()]
        unlearnt = [name for name in self.target.names if any(name in absent for absent in learnt)]
        return [f"no training patient has {few(unlearnt, 10)}: it cannot be learnt"] if unlearnt else []

    def notes_on_test(self) -> list[str]:
        """Labels that no test patient has."""
        absent = self._absent(case for cohort in self.cohorts.of.values() for case in cohort.test)
        if not absent or self.rules.absent_is_right:
            return []
        return [f"no test patient has {few(absent, 10)}: scores undefined, and not part of the mean"]

    def schedule(self) -> Schedule:
        """As the recipe says."""
        settings = self.setup.settings
        return Schedule.of(settings, validate_every=max(1, settings.epochs // VALIDATIONS))

    def build(self, state: State | None) -> nn.Module:
        """The U-Net; an encoder of one channel is spread over those of the image."""
        return build_unet(self.recipe.model, self.target.outputs, self.channels, state)

    def learner(self, model: nn.Module, conditions: Conditions) -> SegmentationLearner:
        """Patches of training cases; Dice and cross-entropy."""
        cohort = self._cohort(conditions.replicate)
        return SegmentationLearner(model, cohort.train, cohort.validation, self.setup, conditions)

    def predict(
        self, model: nn.Module, replicate: Replicate, arm: str, device: torch.device, out: Path
    ) -> Predictions:
        """Overlap of each test case and region: arrays (cases, regions); and a picture of each case."""
        overlaps = []
        for case in self._cohort(replicate).test:
            image, air = image_and_air(case, self.setup.settings.window)
            outputs = probabilities(model, image, air, self.setup, device)
            grid = case.label_record.grid
            truth = case.label(original=True).read()
            every = self.target.masks(each_onto(outputs, case.record.grid, grid))
            scored = [every[self.target.names.index(name)] for name in self.truth.names]
            masks = self.truth.counted(scored, truth)
            true = [self.truth.mask(truth, region) for region in range(len(masks))]
            overlaps.append(
                [compare(mask, of, grid.spacing, self.rules) for mask, of in zip(masks, true, strict=True)]
            )
            file = out / overlay_file(case.name, arm, str(replicate))
            save_overlay(file, case, true, masks, self.truth.names, f"{case.name}, {arm}, {replicate}")
        return arrays_of(overlaps)

    def score(self, predictions: Mapping[str, Mapping[Replicate, Predictions]], out: Path) -> Scored:
        """By patient; seeds are averaged first."""
        names = self.truth.names
        tested = {arm: self._tested(runs) for arm, runs in predictions.items()}
        measured = {arm: [one.measured for one in each] for arm, each in tested.items()}
        rows = {arm: rows_of(each, names) for arm, each in tested.items()}
        for arm, runs in predictions.items():
            seeds = {
                seed: [p for r, p in runs.items() if r.seed == seed]
                for seed in sorted({r.seed for r in runs})
            }
            first = {r for r in runs if r.seed == min(seeds)}
            rows[arm] += global_rows(
                seeds, names, [one.patient for one in measured[arm] if one.replicate in first]
            )
        return Scored(
            rows=rows,
            cases={arm: case_rows(cases, names) for arm, cases in measured.items()},
            comparisons=comparisons_of(tested, names),
            pictures=extremes(measured, names, "dice"),
        )

    def _tested(self, runs: Mapping[Replicate, Predictions]) -> list[ScoredCase]:
        tested = [
            ScoredCase(
                Measured(
                    case.name, case.patient, case.entry.virtual, replicate,
                    {name: predictions[name][row] for name in SUMMARIES},
                ),
                predictions["true"][row],
                predictions["total"][row] - predictions["true"][row],
            )
            for replicate, predictions in runs.items()
            for row, case in enumerate(self._cohort(replicate).test)
        ]  # fmt: skip
        return tested if self.rules.absent_is_right else without_absent(tested)

    def _absent(self, cases: Iterable[CachedCase]) -> list[str]:
        """Names of the regions that none of the cases has."""
        values = {value for case in cases for value in case.label_record.values}
        named = zip(self.truth.names, self.truth.values, strict=True)
        return [name for name, group in named if not values & set(group)]

    def _cohort(self, replicate: Replicate) -> VolumeCohort:
        return self.cohorts.of[replicate]
