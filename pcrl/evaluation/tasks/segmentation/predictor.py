"""Segmentation of scans that are in no cache: prepared as ingest does, and written on the grid of the scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pcrl.config import Data, VolumeRecipe, recipe_from
from pcrl.datasets.case import Case
from pcrl.datasets.names import printable
from pcrl.engine.cache.format import MR_FORMAT
from pcrl.engine.errors import ScanError
from pcrl.engine.volumes.prepare import prepare
from pcrl.engine.volumes.reading.channels import read_channels
from pcrl.engine.volumes.reading.writer import write_like
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.predictor import Inputs, Prediction, Trained
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup, each_onto, probabilities
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.volumes import normalisation
from pcrl.models.volumes.unet import build_unet


class VolumePredictor:
    """A trained network for segmentation; see `pcrl.evaluation.tasks.predictor.Predictor`.

    Raises:
        ProtocolError: its weights are damaged, or it was trained on MR of an earlier format.
    """

    columns = ()

    def __init__(self, trained: Trained, inputs: Inputs, device: torch.device) -> None:
        self._reader = inputs.reader
        plain = trained.rebuild
        recipe = recipe_from(plain["recipe"])
        assert isinstance(recipe, VolumeRecipe)
        z, y, x = plain["patch"]
        self.setup = SegmentationSetup(
            Target.from_plain(plain["target"]), recipe.finetuning, (z, y, x), Rules()
        )
        self.device = device
        self.data = Data.model_validate(plain["data"])
        self.modality = plain["modality"]
        self.confirmed = bool(plain.get("confirmed", False))
        if self.modality == "mr" and plain.get("format") != MR_FORMAT:
            raise ProtocolError(
                f"{trained.folder} was trained on MR as an earlier version of pcrl stored it, its dark tissue set to "
                "one value: ingest the data set again, and repeat the evaluation"
            )
        model = build_unet(recipe.model, self.setup.target.outputs, int(plain["channels"]), None)
        self.model = trained.load_into(model, device)

    def predict(self, item: Case, out: Path) -> Prediction:
        """Write the segmentation of a case as NIfTI, in the grid of its first image.

        Raises:
            ReadError: a file cannot be read, or channels do not lie on one grid.
            ScanError: values that are not of the modality that the network knows.
        """
        case, target = item, self.setup.target
        scans = self._reader(case.channels[0], read_channels, case.channels, case.stack)
        channels = []
        for path, scan in zip(case.channels, scans, strict=True):
            try:
                channels.append(
                    prepare(scan.values, scan.grid, self.data, scan.modality, self.modality, self.confirmed)
                )
            except ScanError as error:
                raise ScanError(f"{path}: {error}") from error
        stored = np.stack([channel.stored for channel in channels])
        intensities = [channel.intensity for channel in channels]
        window = self.setup.settings.window or self.data.window
        normal = normalisation(self.modality, intensities, window, stored)
        image, air = normal.apply(stored), normal.air(intensities)
        outputs = probabilities(self.model, image, air, self.setup, self.device)
        masks = target.masks(each_onto(outputs, channels[0].grid, scans[0].grid))
        values = target.painted(masks)
        path = out / f"{case.name}.nii.gz"
        smallest = values.astype(np.uint8) if values.max() < 256 else values
        self._reader.write(case.channels[0], write_like, smallest, case.channels[0], path, case.stack)
        voxels = [f"{name} {mask.sum():,} voxels" for name, mask in zip(target.names, masks, strict=True)]
        notes = [note for one in scans for note in one.notes]
        notes += [note for channel in channels for note in channel.notes]
        return Prediction(summary=f"{printable(str(path))}: {', '.join(voxels)}", notes=tuple(notes))
