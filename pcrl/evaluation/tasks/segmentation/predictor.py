"""Segmentation of scans that are in no cache: read, prepared as ingest does, asked, and written as the scan lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pcrl.config import Data, VolumeRecipe, recipe_from
from pcrl.datasets.case import Case
from pcrl.engine.cache.volumes.records import StoredIntensity
from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.prepare import ScanError, prepare
from pcrl.engine.volumes.reading.reader import read
from pcrl.engine.volumes.reading.writer import write_like
from pcrl.evaluation.predict.trained import Trained
from pcrl.evaluation.tasks.segmentation.inference import each_onto, probabilities
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.segmentation.volumes import normalisation
from pcrl.models.volumes.unet import build_unet


class VolumePredictor:
    """A trained network for segmentation.

    Raises:
        ProtocolError: its weights are damaged.
    """

    def __init__(self, trained: Trained, device: torch.device) -> None:
        plain = trained.rebuild
        recipe = recipe_from(plain["recipe"])
        assert isinstance(recipe, VolumeRecipe)
        self.settings, self.device = recipe.finetuning, device
        self.data = Data.model_validate(plain["data"])
        self.target = Target.from_plain(plain["target"])
        self.channels, self.modality = int(plain["channels"]), plain["modality"]
        z, y, x = plain["patch"]
        self.patch = (z, y, x)
        model = build_unet(recipe.model, self.target.outputs, self.channels, None)
        self.model = trained.load_into(model, device)

    def predict(self, case: Case, out: Path) -> dict[str, int]:
        """Write the segmentation of a case as NIfTI, in the grid of its first image.

        Returns:
            Voxels of each region.

        Raises:
            ReadError: a file cannot be read, or channels do not lie on one grid.
            ScanError: values that are not of the modality that the network knows.
        """
        scans = [read(path) for path in case.channels]
        for path, scan in zip(case.channels, scans, strict=True):
            if not scan.grid.matches(scans[0].grid):
                raise ReadError(
                    f"{path} lies on another grid than {case.channels[0]}: channels must be on one grid"
                )
        channels = []
        for path, scan in zip(case.channels, scans, strict=True):
            try:
                # On one grid to the last digit, so that all channels come to as many voxels.
                grid = scans[0].grid
                channels.append(prepare(scan.values, grid, self.data, scan.modality, self.modality))
            except ScanError as error:
                raise ScanError(f"{path}: {error}") from error
        stored = np.stack([channel.stored for channel in channels])
        intensities = [
            StoredIntensity(**{f: getattr(c.intensity, f) for f in StoredIntensity.model_fields})
            for c in channels
        ]
        window = self.settings.window or self.data.window
        normal = normalisation(self.modality, intensities, window, stored)
        image, air, overlap = normal.apply(stored), normal.air(intensities), self.settings.overlap
        found = probabilities(self.model, image, air, self.target, self.patch, overlap, self.device)
        masks = self.target.masks(each_onto(found, channels[0].grid, scans[0].grid))
        values = self.target.painted(masks)
        write_like(values.astype(np.uint8) if values.max() < 256 else values, case.channels[0], out)
        return {name: int(mask.sum()) for name, mask in zip(self.target.names, masks, strict=True)}
