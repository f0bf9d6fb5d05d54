"""Segmentation as a task: patches with their labels, a U-Net, Dice and HD95 on the original grid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pcrl.config import Size, VolumeRecipe
from pcrl.engine.cache.volumes.records import CaseRecord
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.volumes import VolumeCohort, VolumeCohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.records.results import Metric, Row
from pcrl.evaluation.statistics.inference.comparisons import row_of
from pcrl.evaluation.statistics.inference.estimate import UNIT
from pcrl.evaluation.statistics.inference.voxels import Voxels, shared_overlaps
from pcrl.evaluation.statistics.overlap import compare
from pcrl.evaluation.statistics.patients import Measured, case_rows, compare_first, rows
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup, each_onto, probabilities
from pcrl.evaluation.tasks.segmentation.learner import SegmentationLearner
from pcrl.evaluation.tasks.segmentation.pictures import extremes, overlay_file, save_overlay
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.volumes import image_and_air
from pcrl.evaluation.tasks.task import Conditions, Predictions, Scored
from pcrl.models.volumes.unet import build_unet

METRICS = (
    Metric(name="dice", title="Dice", main=True),
    Metric(name="hd95", title="HD95", unit="mm", better="lower", summary="median"),
    Metric(name="global_dice", title="Dice of all voxels"),
)
VALIDATIONS = 10
"""Times, in the epochs of the recipe, that validation patients are scored: whole volumes take time."""


class SegmentationTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Args:
        patch: what the network is shown where the recipe does not say.
    """

    metrics = METRICS

    def __init__(self, cohorts: VolumeCohorts, target: Target, recipe: VolumeRecipe, patch: Size) -> None:
        self.cohorts, self.target, self.recipe = cohorts, target, recipe
        self.setup = SegmentationSetup(target, recipe.finetuning, recipe.finetuning.patch or patch)

    @cached_property
    def example(self) -> CaseRecord:
        """A case that is trained on: of its channels and of its modality all are."""
        return self._cohort(self.cohorts.replicates[0]).train[0].record

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
        """Whether there are validation patients."""
        return bool(self._cohort(replicate).validation)

    def describe(self) -> list[str]:
        """Nothing but the cases, which the cohorts describe."""
        return []

    def notes(self) -> list[str]:
        """Nothing: labels that do not fit are refused."""
        return []

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
        cases = self._cohort(replicate).test
        shape = (len(cases), len(self.target.names))
        dice, hd95 = np.empty(shape), np.full(shape, np.nan)
        common, total = np.empty(shape, np.int64), np.empty(shape, np.int64)
        for row, case in enumerate(cases):
            image, air = image_and_air(case, self.setup.settings.window)
            outputs = probabilities(model, image, air, self.setup, device)
            grid = case.label_record.grid
            truth = case.label(original=True).read()
            masks = self.target.counted(self.target.masks(each_onto(outputs, case.record.grid, grid)), truth)
            true = [self.target.mask(truth, region) for region in range(shape[1])]
            for region, mask in enumerate(masks):
                overlap = compare(mask, true[region], grid.spacing, self.target.missing_distance)
                dice[row, region], common[row, region], total[row, region] = (
                    overlap.dice, overlap.common, overlap.total,
                )  # fmt: skip
                if overlap.hd95 is not None:
                    hd95[row, region] = overlap.hd95
            file = out / overlay_file(case.name, arm, str(replicate))
            save_overlay(file, case, true, masks, self.target.names, f"{case.name}, {arm}, {replicate}")
        return {"dice": dice, "hd95": hd95, "common": common, "total": total}

    def score(self, predictions: Mapping[str, Mapping[Replicate, Predictions]], out: Path) -> Scored:
        """By patient; seeds are averaged first."""
        names = self.target.names
        measured = {arm: self._measured(runs) for arm, runs in predictions.items()}
        return Scored(
            rows={
                arm: [
                    *rows(cases, names, "dice", limits=UNIT),
                    *rows(cases, names, "hd95", "median", (0.0, np.inf)),
                    *self._of_all_voxels(predictions[arm]),
                ]
                for arm, cases in measured.items()
            },
            cases={arm: case_rows(cases, names) for arm, cases in measured.items()},
            comparisons=compare_first(measured, names, {"dice": "mean", "hd95": "median"}),
            pictures=extremes(measured, names, "dice"),
        )

    def _measured(self, runs: Mapping[Replicate, Predictions]) -> list[Measured]:
        return [
            Measured(
                case.name, case.patient, case.entry.virtual, replicate,
                {"dice": predictions["dice"][row], "hd95": predictions["hd95"][row]},
            )
            for replicate, predictions in runs.items()
            for row, case in enumerate(self._cohort(replicate).test)
        ]  # fmt: skip

    def _of_all_voxels(self, runs: Mapping[Replicate, Predictions]) -> list[Row]:
        """Dice of the voxels of all cases together, folds of a seed too."""
        seeds = sorted({replicate.seed for replicate in runs})
        of_seeds = [{one: runs[one] for one in runs if one.seed == seed} for seed in seeds]
        shared = shared_overlaps([self._voxels(folds) for folds in of_seeds])
        patients = shared.values.shape[1]
        return [
            row_of((name, "global_dice"), shared.score(region), seeds, patients, {})
            for region, name in enumerate(self.target.names)
        ]

    def _voxels(self, runs: Mapping[Replicate, Predictions]) -> Voxels:
        """Of one seed."""
        common, total = (np.concatenate([one[key] for one in runs.values()]) for key in ("common", "total"))
        return Voxels([case.patient for one in runs for case in self._cohort(one).test], common, total)

    def _cohort(self, replicate: Replicate) -> VolumeCohort:
        return self.cohorts.of[replicate]
