"""The classifier: the pre-trained encoder, its deepest features averaged, and one linear layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from pcrl.config import Model
from pcrl.models.encoders import build_encoder, deepest_channels, deepest_features, encoder_of
from pcrl.models.precision import float32


class Classifier(nn.Module):
    """A score for each class, before any sigmoid, of images or of volumes.

    Args:
        settings: of the network whose encoder this is.
        classes: number of classes.
    """

    def __init__(self, settings: Model, classes: int) -> None:
        super().__init__()
        self.encoder = build_encoder(settings)
        self.classifier = nn.Linear(deepest_channels(self.encoder), classes)

    def features(self, x: Tensor) -> Tensor:
        """What the linear layer is given: (batch, 3, y, x) or (batch, 1, z, y, x) to (batch, channels).

        A linear probe takes these with `encoder` in evaluation mode and without gradients: in training mode BatchNorm
        would use, and change, statistics of the batch, so that the encoder were no longer the frozen one.
        """
        return deepest_features(self.encoder, x).mean(dim=tuple(range(2, x.ndim)))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, y, x) or (batch, 1, z, y, x) to logits (batch, classes)."""
        features = self.features(x)
        with float32(x.device):  # bfloat16 knows a few hundred scores: ranks would be ties
            logits: Tensor = self.classifier(features.float())
        return logits


def build_classifier(settings: Model, classes: int, pretrained: Mapping[str, Tensor] | None) -> Classifier:
    """The classifier of a recipe; with the encoder out of pre-trained weights if they are given.

    Args:
        pretrained: weights of the settings' network, or of its encoder alone, whose names begin with `encoder.`.
    """
    model = Classifier(settings, classes)
    if pretrained is not None:
        model.encoder.load_state_dict(encoder_of(pretrained))
    return model
