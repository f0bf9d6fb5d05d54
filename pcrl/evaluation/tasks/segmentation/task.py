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
from pcrl.evaluation.arms.arm import State
from pcrl.evaluation.cohorts.leak import Tested
from pcrl.evaluation.cohorts.volumes import Cohort, Cohorts
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.replicate import Place
from pcrl.evaluation.records.results import Metric, Row, Side
from pcrl.evaluation.statistics.overlap import compare, global_dice
from pcrl.evaluation.statistics.patients import Measured, case_rows, compare_first, rows
from pcrl.evaluation.tasks.segmentation.extremes import extremes
from pcrl.evaluation.tasks.segmentation.inference import each_onto, probabilities
from pcrl.evaluation.tasks.segmentation.learner import SegmentationLearner
from pcrl.evaluation.tasks.segmentation.overlay import overlay_file, save_overlay
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.volumes import image_and_air
from pcrl.evaluation.tasks.task import Answers, Scored
from pcrl.models.volumes.unet import build_unet

METRICS = (
    Metric(name="dice", title="Dice", main=True),
    Metric(name="hd95", title="HD95", unit="mm", better="lower"),
    Metric(name="global_dice", title="Dice of all voxels"),
)
VALIDATIONS = 10
"""How often, in the epochs of the recipe, validation patients are asked: whole volumes take time."""


class SegmentationTask:
    """See `pcrl.evaluation.tasks.task.Task`.

    Args:
        patch: what the network is shown where the recipe does not say.
    """

    metrics = METRICS

    def __init__(
        self, name: str, cohorts: Cohorts, target: Target, recipe: VolumeRecipe, patch: Size
    ) -> None:
        self.name, self.dataset = name, cohorts.dataset.name
        self.cohorts, self.target, self.recipe = cohorts, target, recipe
        self.places = cohorts.places
        self.settings = recipe.finetuning
        self.patch = recipe.finetuning.patch or patch

    @cached_property
    def channels(self) -> int:
        """Of an image."""
        return len(self._cohort(self.places[0]).train[0].record.intensities)

    @property
    def virtual(self) -> int:
        """Test cases that are generated."""
        return self.cohorts.virtual()

    @property
    def rebuild(self) -> dict[str, Any]:
        """What `pcrl predict` needs."""
        return {
            "kind": "segmentation",
            "target": self.target.plain(),
            "channels": self.channels,
            "patch": list(self.patch),
            "modality": self._cohort(self.places[0]).train[0].record.modality,
            "recipe": self.recipe.model_dump(mode="json"),
            "data": self.cohorts.dataset.record.recipe.data.model_dump(mode="json"),
        }

    def side(self, place: Place) -> Side:
        """Names of the cases."""
        return self.cohorts.side(place)

    def chooses(self, place: Place) -> bool:
        """Whether there are validation patients."""
        return bool(self._cohort(place).validation)

    def patients(self, place: Place) -> tuple[int, int]:
        """How many are trained on, and tested."""
        return self._cohort(place).counts()

    def tested(self) -> list[Tested]:
        """All that are tested."""
        return self.cohorts.tested()

    def owners(self) -> Mapping[str, str]:
        """Whose each case is."""
        return self.cohorts.owners()

    def describe(self) -> str:
        """Realised numbers of patients."""
        return self.cohorts.describe()

    def notes(self) -> list[str]:
        """What a reader should know."""
        return self.cohorts.notes()

    def schedule(self) -> Schedule:
        """As the recipe says."""
        every = max(1, self.settings.epochs // VALIDATIONS)
        s = self.settings
        return Schedule(
            s.epochs,
            s.learning_rate,
            s.halve_every,
            s.patience,
            validate_every=every,
            encoder_rate=s.encoder_rate,
        )

    def build(self, state: State | None) -> nn.Module:
        """The U-Net; an encoder of one channel is spread over those of the image."""
        return build_unet(self.recipe.model, self.target.outputs, self.channels, state)

    def learner(
        self, model: nn.Module, place: Place, shuffled: bool, frozen: bool, device: torch.device
    ) -> SegmentationLearner:
        """Patches of training cases; Dice and cross-entropy."""
        cohort = self._cohort(place)
        return SegmentationLearner(
            model, cohort.train, cohort.validation, self.target, self.settings, self.patch, place.seed, shuffled, device
        )  # fmt: skip

    def answer(self, model: nn.Module, place: Place, arm: str, device: torch.device, out: Path) -> Answers:
        """Overlap of each test case and region: arrays (cases, regions); and a picture of each case."""
        cases = self._cohort(place).test
        shape = (len(cases), len(self.target.names))
        dice, hd95 = np.empty(shape), np.full(shape, np.nan)
        common, total = np.empty(shape, np.int64), np.empty(shape, np.int64)
        for row, case in enumerate(cases):
            image, air = image_and_air(case, self.settings.window)
            found = probabilities(model, image, air, self.target, self.patch, self.settings.overlap, device)
            grid = case.label_record.grid
            masks = self.target.masks(each_onto(found, case.record.grid, grid))
            truth = case.label(original=True).read()
            true = [self.target.mask(truth, region) for region in range(shape[1])]
            for region, mask in enumerate(masks):
                overlap = compare(mask, true[region], grid.spacing, self.target.missing_distance)
                dice[row, region], common[row, region], total[row, region] = (
                    overlap.dice, overlap.common, overlap.total,
                )  # fmt: skip
                if overlap.hd95 is not None:
                    hd95[row, region] = overlap.hd95
            file = out / overlay_file(case.name, arm, str(place))
            save_overlay(file, case, true, masks, self.target.names, f"{case.name}, {arm}, {place}")
        return {"dice": dice, "hd95": hd95, "common": common, "total": total}

    def score(self, answers: Mapping[str, Mapping[Place, Answers]], out: Path) -> Scored:
        """By patient; seeds are averaged first."""
        names = self.target.names
        measured = {arm: self._measured(found) for arm, found in answers.items()}
        return Scored(
            rows={
                arm: [
                    *rows(found, names, "dice"),
                    *rows(found, names, "hd95"),
                    *self._of_all_voxels(answers[arm], len({one.patient for one in found})),
                ]
                for arm, found in measured.items()
            },
            cases={arm: case_rows(found, names) for arm, found in measured.items()},
            comparisons=compare_first(measured, names, ("dice", "hd95")),
            pictures=extremes(measured, names, "dice"),
        )

    def _measured(self, found: Mapping[Place, Answers]) -> list[Measured]:
        return [
            Measured(
                case.name, case.patient, case.entry.virtual, place,
                {"dice": answers["dice"][row], "hd95": answers["hd95"][row]},
            )
            for place, answers in found.items()
            for row, case in enumerate(self._cohort(place).test)
        ]  # fmt: skip

    def _of_all_voxels(self, found: Mapping[Place, Answers], patients: int) -> list[Row]:
        rows = []
        for region, name in enumerate(self.target.names):
            of_seeds = []
            for seed in sorted({place.seed for place in found}):
                folds = [answers for place, answers in found.items() if place.seed == seed]
                common, total = (
                    np.concatenate([answers[key][:, region] for answers in folds])
                    for key in ("common", "total")
                )
                of_seeds.append(global_dice(common, total))
            rows.append(
                Row(label=name, metric="global_dice", value=float(np.mean(of_seeds)), patients=patients)
            )
        return rows

    def _cohort(self, place: Place) -> Cohort:
        return self.cohorts.of[place]
