"""Classification of radiographs that are in no cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pcrl.config import ImageRecipe, recipe_from
from pcrl.config.images import ImageData
from pcrl.datasets.names import printable
from pcrl.engine.cache.images.dataset import edge, scale_of
from pcrl.engine.images.cut import ImageWorkspace, cut_image
from pcrl.engine.images.reading import read_picture
from pcrl.evaluation.tasks.classification.batches import middle
from pcrl.evaluation.tasks.predictor import Inputs, Prediction, Trained
from pcrl.models.classifier import build_classifier
from pcrl.models.images.inputs import to_network
from pcrl.models.precision import autocast


class ImagePredictor:
    """A trained classifier; see `pcrl.evaluation.tasks.predictor.Predictor`.

    Raises:
        ProtocolError: its weights are damaged.
    """

    def __init__(self, trained: Trained, inputs: Inputs, device: torch.device) -> None:
        self._reader = inputs.reader
        recipe = recipe_from(trained.rebuild["recipe"])
        assert isinstance(recipe, ImageRecipe)
        labels: list[str] = trained.rebuild["labels"]
        self.columns = ("image", *labels)
        self.data = ImageData.model_validate(trained.rebuild["data"])
        self.shape, self.device = recipe.finetuning.shape, device
        self.model = trained.load_into(build_classifier(recipe.model, len(labels), None), device)
        self._workspace = ImageWorkspace([self.shape], edge(self.data))

    @torch.no_grad()
    def predict(self, item: Path, out: Path) -> Prediction:
        """A row of probabilities of a PNG, JPEG or DICOM radiograph, of the middle that evaluations score.

        Raises:
            ReadError: it cannot be read.
        """
        values = np.ascontiguousarray(self._reader(item, read_picture, item, self.data).values)
        height, width = values.shape
        pixels = np.empty(self.shape, np.float32)
        cut_image(
            values,
            middle((height, width), self.shape),
            0.0,
            False,
            scale_of(self.data),
            self._workspace,
            pixels,
        )
        image = to_network(torch.from_numpy(pixels)[None, None].to(self.device), None)
        with autocast(self.device):
            logits = self.model(image.contiguous(memory_format=torch.channels_last))
        probabilities: NDArray[np.float64] = logits[0].float().sigmoid().double().cpu().numpy()
        return Prediction([[printable(str(item)), *(f"{value:.6g}" for value in probabilities)]])
