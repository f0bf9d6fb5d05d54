"""Probabilities of candidates in scans that are in no cache."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pcrl.config import Data, Size, VolumeRecipe, recipe_from
from pcrl.datasets.case import Case
from pcrl.datasets.names import printable
from pcrl.engine.errors import ScanError
from pcrl.engine.volumes.prepare import Prepared, prepare
from pcrl.engine.volumes.reading.reader import read
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.candidates.learner import normalised
from pcrl.evaluation.tasks.candidates.points import COORDINATES, SERIES, read_points
from pcrl.evaluation.tasks.predictor import Inputs, Prediction, Trained
from pcrl.models.classifier import build_classifier
from pcrl.models.precision import autocast


class CandidatePredictor:
    """A trained classifier of candidates; see `pcrl.evaluation.tasks.predictor.Predictor`.

    Args:
        inputs: scans, each named by its series UID; and candidates, as LUNA16 publishes them: a class is not needed.

    Raises:
        LayoutError: the table cannot be read.
        ProtocolError: it has no candidate of any of the scans, or the weights are damaged.
    """

    columns = (SERIES, *COORDINATES, "probability")
    """As LUNA16 takes submissions."""

    def __init__(self, trained: Trained, inputs: Inputs, device: torch.device) -> None:
        self._reader = inputs.reader
        table, scans = inputs.candidates, [case.name for case in inputs.items]
        assert table is not None
        recipe = recipe_from(trained.rebuild["recipe"])
        assert isinstance(recipe, VolumeRecipe)
        self.data = Data.model_validate(trained.rebuild["data"])
        self.settings, self.device = recipe.candidates, device
        self._number = {name: number for number, name in enumerate(scans)}
        self._points = read_points(table, self._number, None)
        if not len(self._points.case):
            first = next(iter(self._points.absent), "no scan")
            raise ProtocolError(
                f"{table} has no candidate of {scans[0]}{', nor of any other scan' * (len(scans) > 1)}: a scan is "
                f"named by its file or folder, which must be its seriesuid; the table begins with {first}"
            )
        self.model = trained.load_into(build_classifier(recipe.model, 1, None), device)

    @torch.no_grad()
    def predict(self, item: Case, out: Path) -> Prediction:
        """A row for each candidate of a scan.

        Raises:
            ReadError: the scan cannot be read.
            ScanError: it is no CT.
        """
        case, path = item, item.channels[0]
        scan = self._reader(path, read, path, stack=case.stack)
        try:
            prepared = prepare(scan.values, scan.grid, self.data, scan.modality, "ct", confirmed=False)
        except ScanError as error:
            raise ScanError(f"{path}: {error}") from error
        positions = self._points.position[self._points.case == self._number[case.name]]
        centres = prepared.grid.indices(positions)
        probabilities: list[float] = []
        size = self.settings.batch_size
        for start in range(0, len(centres), size):
            crops = np.stack([crop(prepared, at, self.settings.crop) for at in centres[start : start + size]])
            with autocast(self.device):
                logits = self.model(normalised(crops[:, None], self.device))
            probabilities += logits[:, 0].double().sigmoid().tolist()
        rows = [
            # To the last digit: the surest candidates are told apart only there.
            [case.name, *(f"{value:.6g}" for value in position[::-1]), repr(probability)]
            for position, probability in zip(positions.tolist(), probabilities, strict=True)
        ]
        return Prediction(
            rows, f"{printable(str(path))}: {len(rows)} candidates", notes=(*scan.notes, *prepared.notes)
        )


def crop(prepared: Prepared, centre: NDArray[np.float64], size: Size) -> NDArray[np.float32]:
    """The voxels about a centre (z, y, x), float32 in [0, 1]; air beyond the scan. As `crops.OpenScan.cut` does."""
    stored = np.full(size, prepared.intensity.air, np.int16)
    inside, outside = [], []
    for at, edge, n in zip(centre.tolist(), size, prepared.stored.shape, strict=True):
        first = math.floor(at - (edge - 1) / 2 + 0.5)
        low, high = min(max(first, 0), n), min(max(first + edge, 0), n)
        inside.append(slice(low, high))
        outside.append(slice(low - first, high - first))
    stored[tuple(outside)] = prepared.stored[tuple(inside)]
    intensity = prepared.intensity
    values: NDArray[np.float32] = stored * np.float32(intensity.scale) + np.float32(intensity.offset)
    return values
