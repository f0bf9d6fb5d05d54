"""The classifier of volumes: the pre-trained encoder, its deepest features averaged, and one linear layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from pcrl.config import VolumeModel
from pcrl.models.encoders import encoder_of
from pcrl.models.precision import float32
from pcrl.models.volumes.blocks import Encoder3D


class VolumeClassifier(nn.Module):
    """A score for each class, before any sigmoid.

    Args:
        settings: of the network whose encoder this is.
        classes: number of classes.
    """

    def __init__(self, settings: VolumeModel, classes: int) -> None:
        super().__init__()
        self.encoder = Encoder3D(settings.width, settings.levels)
        self.classifier = nn.Linear(self.encoder.channels[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        """What the linear layer is given: (batch, 1, z, y, x) to (batch, width·2^(levels − 1)).

        A linear probe takes these with `encoder` in evaluation mode and without gradients, as in `Classifier`.
        """
        features: Tensor = self.encoder(x)[-1].mean(dim=(2, 3, 4))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, z, y, x) to logits (batch, classes)."""
        features = self.features(x)
        with float32(x.device):  # bfloat16 knows a few hundred scores: ranks would be ties
            logits: Tensor = self.classifier(features.float())
        return logits


def build_volume_classifier(
    settings: VolumeModel, classes: int, pretrained: Mapping[str, Tensor] | None
) -> VolumeClassifier:
    """The classifier of a recipe; with the encoder out of pre-trained weights if they are given.

    Args:
        pretrained: weights of an `NsUNet3D`, or of its encoder alone, whose names begin with `encoder.`.
    """
    model = VolumeClassifier(settings, classes)
    if pretrained is not None:
        model.encoder.load_state_dict(encoder_of(pretrained))
    return model
