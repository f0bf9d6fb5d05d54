"""Recipes for images, such as chest X-rays. Sizes are in (y, x) order and pixels, angles in degrees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pcrl.config.base import Codec, FewestSteps, NormBatches, Settings, Share, Training
from pcrl.config.objectives import Objective, Pcrlv2

ImageSize = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
_DEEPEST = 32
"""Pixels of the input that one of the encoder's last feature map stands for."""


class ImageData(Settings):
    """What ingest does to an image; a change here means another cache."""

    size: Annotated[int, Field(ge=8, le=4096)] = 512
    """Shorter side in the cache. An image smaller than that is stored as it is, never enlarged. The published chain
    cuts views from the files; from 496 on the smallest crop has the pixels of its view, as it has there."""
    longest: Annotated[float, Field(ge=1, le=4)] = 2.0
    """Room for the longer side, as a multiple of `size`; an image longer than that is made to fit."""
    bits: Literal[8, 16] = 8
    """Of a stored pixel."""
    codec: Codec = "lz4"
    """Codec of an image: lz4 for speed, zstd for disk."""
    shard: Annotated[int, Field(ge=1, le=65536)] = 1024
    """Images in a file of the cache."""


class ImageViews(Settings):
    """How views are cut: random resized crops, as published."""

    global_shape: ImageSize = (224, 224)
    local_shape: ImageSize = (96, 96)
    locals: Annotated[int, Field(ge=0)] = 6
    global_area: tuple[Share, Share] = (0.3, 1.0)
    """Share of the image's area that a global view shows."""
    local_area: tuple[Share, Share] = (0.05, 0.3)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    """Width by height of a crop, log-uniform."""
    angle: Annotated[float, Field(ge=0, le=180)] = 10.0
    """Rotation by up to so much to either side; what comes from beyond the crop is black."""
    flip_probability: Share = 0.5

    @model_validator(mode="after")
    def _ordered(self) -> ImageViews:
        for name in ("global_area", "local_area", "aspect"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"views.{name} must rise from above 0, got {(low, high)}")
        return self


class ImageCorruption(Settings):
    """What is done to a view after the restoration target was taken."""

    blur_probability: Share = 0.5
    blur_sigma: tuple[Annotated[float, Field(ge=0, le=4)], Annotated[float, Field(ge=0, le=4)]] = (0.1, 2.0)
    """Range of the Gaussian's σ in pixels."""
    brightness: Share = 0.4
    """Factor from 1 − this to 1 + this."""
    contrast: Share = 0.4
    """The same, about the view's mean."""
    holes: Annotated[int, Field(ge=0)] = 3
    """Squares set to 0 after normalisation (Cutout); globals only."""
    hole_edge: Annotated[int, Field(ge=1)] = 32


class ImageModel(Settings):
    """The network. The defaults are the published nsUNet 2D, with a ResNet-18 as encoder."""

    network: Literal["nsunet2d"] = "nsunet2d"
    width: Annotated[int, Field(ge=4, multiple_of=4)] = 64
    """Channels of the ResNet's first convolution; 64 is a ResNet-18. All others scale with it."""


class ImageTraining(Training):
    """Pre-training on images: one new sample of each an epoch, batch and learning rate as published."""

    samples_per_case: Annotated[int, Field(ge=1)] = 1
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    window: Annotated[int, Field(ge=0)] = 16


class Classification(Settings):
    """Fine-tuning and scoring of a multi-label classifier."""

    later = frozenset({"aspect", "fewest_steps", "norm_batches"})

    shape: ImageSize = (224, 224)
    """What the network is shown, in training (a random crop) and in scoring (the middle)."""
    area: tuple[Share, Share] = (0.5, 1.0)
    """Share of the image's area that a training crop shows."""
    aspect: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (3 / 4, 4 / 3)
    """Width by height of a training crop, log-uniform (published: RandomResizedCrop)."""
    angle: Annotated[float, Field(ge=0, le=180)] = 10.0
    flip_probability: Share = 0.5
    epochs: Annotated[int, Field(ge=1)] = 50
    patience: Annotated[int, Field(ge=1)] = 10
    """Epochs without a better score on validation patients after which training ends."""
    batch_size: Annotated[int, Field(ge=2)] = 16
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    halve_every: Annotated[int, Field(ge=1)] = 50
    """Epochs between two halvings of the learning rate (published: StepLR(50, 0.5))."""
    encoder_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The encoder's learning rate as a share of that of all else, in every arm alike."""
    fewest_steps: FewestSteps = 10
    norm_batches: NormBatches = 100

    @model_validator(mode="after")
    def _rising(self) -> Classification:
        if not self.aspect[0] <= self.aspect[1]:
            raise ValueError(f"finetuning.aspect must rise, got {self.aspect}")
        return self


class ImageRecipe(Settings):
    """All settings of one line of work on images, from the file to the score."""

    name: str
    about: str = ""
    dimensions: Literal[2] = 2
    data: ImageData = ImageData()
    views: ImageViews = ImageViews()
    corruption: ImageCorruption = ImageCorruption()
    model: ImageModel = ImageModel()
    objective: Objective = Pcrlv2()
    training: ImageTraining = ImageTraining()
    finetuning: Classification = Classification()

    @model_validator(mode="after")
    def _divisible(self) -> ImageRecipe:
        for key, size in {
            "views.global_shape": self.views.global_shape,
            "views.local_shape": self.views.local_shape,
            "finetuning.shape": self.finetuning.shape,
        }.items():
            if any(edge % _DEEPEST for edge in size):
                raise ValueError(f"{key} = {size} must be divisible by {_DEEPEST}")
        return self
