"""Recipes for volumes. Sizes and positions are in (z, y, x) order, spacings in millimetres, angles in degrees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pcrl.config.base import Codec, FewestSteps, NormBatches, Settings, Share, Training
from pcrl.config.objectives import Objective, Pcrlv2

Size = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
Spacing = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]
Modality = Literal["ct", "mr"]
TissueRule = Literal["foreground", "lung"]


class Data(Settings):
    """What ingest does to a scan; a change here means another cache."""

    spacing: Spacing = (1.0, 1.0, 1.0)
    """Grid of the cache in mm; published: 1 mm isotropic."""
    antialias: bool = False
    """Average what lies between two voxels of a coarser grid; published: plain linear interpolation."""
    window: tuple[float, float] = (-1000.0, 1000.0)
    """CT: Hounsfield units kept; scaled to [0, 1] when read."""
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Other modalities: percentiles of the body, dark tissue included, that are kept."""
    chunk: Annotated[int, Field(ge=8, le=256)] = 32
    """Edge of a cubic chunk in voxels."""
    codec: Codec = "lz4"
    """Inner codec of a chunk: lz4 for speed, zstd for disk."""

    @model_validator(mode="after")
    def _ordered(self) -> Data:
        if not self.window[0] < self.window[1]:
            raise ValueError(f"data.window must rise, got {self.window}")
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"data.percentiles must rise within [0, 100], got {self.percentiles}")
        return self


class Views(Settings):
    """How views are cut: published boxes, reversed from (x, y, z) to (z, y, x)."""

    global_boxes: tuple[Size, ...] = ((64, 96, 96), (96, 96, 96), (64, 112, 112), (32, 64, 64))
    global_shape: Size = (32, 64, 64)
    margin: tuple[int, int, int] = (15, 70, 70)
    """Upper limit of the distance of a global box from the volume's faces."""
    minimum_iou: Annotated[float, Field(ge=0, lt=1)] = 0.3
    local_boxes: tuple[Size, ...] = ((16, 32, 32), (16, 16, 16), (32, 32, 32), (8, 8, 8))
    local_shape: Size = (16, 16, 16)
    locals: Annotated[int, Field(ge=0)] = 6
    draws: Annotated[int, Field(ge=1)] = 50
    """Draws of a global pair before the best so far is taken, and counted."""
    tissue: Literal["auto", TissueRule] = "auto"
    """`auto` is `lung` for LUNA16 and `foreground` for everything else."""
    lung_limits: tuple[float, ...] = (0.675, 1.0, 0.919, 0.15)
    """Rule `lung`: share of dense voxels above which a box of each size is refused (published, in effect)."""
    foreground_share: Share = 0.1
    flip_probability: Share = 0.5
    scale: tuple[float, float] = (0.9, 1.1)
    angle: Annotated[float, Field(ge=0, le=180)] = 10.0


class Corruption(Settings):
    """What is done to a view after the restoration target was taken."""

    blur_sigma: Annotated[float, Field(ge=0, le=4)] = 2.0
    """Upper limit of the Gaussian's σ in voxels, drawn per axis."""
    noise_sigma: Annotated[float, Field(ge=0)] = 0.25
    log_gamma: Annotated[float, Field(ge=0)] = 0.3
    swaps: Annotated[int, Field(ge=0)] = 100
    """Pairs of blocks swapped, in sequence; globals only."""
    swap_block: Size = (4, 4, 8)


class VolumeModel(Settings):
    """The network. The defaults are the published nsUNet 3D."""

    network: Literal["nsunet3d"] = "nsunet3d"
    width: Annotated[int, Field(ge=2, multiple_of=2)] = 64
    """Channels of the finest level; each level down doubles them."""
    levels: Annotated[int, Field(ge=2, le=6)] = 4
    head: Literal["published", "paper"] = "published"
    """Restoration head: Conv–BN–Sigmoid as in the published code, or Conv–BN–ReLU–Conv as in the paper."""


class Augmentation(Settings):
    """Augmentation in fine-tuning of a segmentation network; the ranges are nnU-Net's, narrowed."""

    angle: Annotated[float, Field(ge=0, le=180)] = 15.0
    """Rotation about every axis by up to so much to either side."""
    scale: Annotated[float, Field(ge=1)] = 1.25
    """Size from 1 / this to this, log-uniform."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Factor from 1 − this to 1 + this."""
    brightness: Annotated[float, Field(ge=0)] = 0.2
    """Added, up to so much to either side; the image has a deviation of about 1."""
    noise: Annotated[float, Field(ge=0)] = 0.1
    """Upper limit of the deviation of Gaussian noise."""


class FineTuning(Settings):
    """Fine-tuning and scoring of a segmentation network."""

    later = frozenset({"augmentation", "fewest_steps", "norm_batches", "tolerance"})

    patch: Size | None = None
    """None: the task's own; 96×96×96 for most, 112×128×112 for BraTS (published)."""
    window: tuple[float, float] | None = None
    """CT: Hounsfield units scaled to [-1, 1]; none: the task's own, or the window of the cache."""
    epochs: Annotated[int, Field(ge=1)] = 100
    patience: Annotated[int, Field(ge=1)] = 50
    """Epochs without a better score on validation patients after which training ends."""
    samples_per_case: Annotated[int, Field(ge=1)] = 8
    batch_size: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    halve_every: Annotated[int, Field(ge=1)] = 50
    """Epochs between two halvings of the learning rate (published: StepLR(50, 0.5))."""
    encoder_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The encoder's learning rate as a share of that of all else, in every arm alike."""
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share by which the windows of sliding-window inference overlap."""
    tolerance: Annotated[float, Field(gt=0)] | None = None
    """mm by which surfaces may lie apart in NSD; none: the task's own; 7 for LiTS, 5 for BraTS, 3 for all others."""
    augmentation: Augmentation = Augmentation()
    fewest_steps: FewestSteps = 10
    norm_batches: NormBatches = 100


class Jitter(Settings):
    """How a training crop differs from what lies round its candidate; besides, it is mirrored at random."""

    shift: Annotated[int, Field(ge=0)] = 4
    """Voxels by which it may lie beside its candidate, on every axis."""
    angle: Annotated[float, Field(ge=0, le=180)] = 10.0
    """Rotation about every axis by up to so much to either side."""


class CandidateTuning(Settings):
    """Fine-tuning and scoring of a classifier of candidates, such as those of LUNA16."""

    later = frozenset({"jitter", "fewest_steps", "norm_batches"})

    crop: Size = (64, 64, 64)
    """Voxels round a candidate (published: 64×64×64 at 1 mm)."""
    epochs: Annotated[int, Field(ge=1)] = 50
    patience: Annotated[int, Field(ge=1)] = 10
    """Epochs without a better score on validation patients after which training ends."""
    batch_size: Annotated[int, Field(ge=2, multiple_of=2)] = 16
    """Half of it nodules, half of it other candidates."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    halve_every: Annotated[int, Field(ge=1)] = 50
    encoder_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The encoder's learning rate as a share of that of all else, in every arm alike."""
    jitter: Jitter = Jitter()
    fewest_steps: FewestSteps = 10
    norm_batches: NormBatches = 100


class VolumeRecipe(Settings):
    """All settings of one line of work on volumes, from the scan to the score."""

    name: str
    about: str = ""
    dimensions: Literal[3] = 3
    data: Data = Data()
    views: Views = Views()
    corruption: Corruption = Corruption()
    model: VolumeModel = VolumeModel()
    objective: Objective = Pcrlv2()
    training: Training = Training()
    finetuning: FineTuning = FineTuning()
    candidates: CandidateTuning = CandidateTuning()

    @model_validator(mode="after")
    def _divisible(self) -> VolumeRecipe:
        factor = 2 ** (self.model.levels - 1)
        sizes = {
            "views.global_shape": self.views.global_shape,
            "views.local_shape": self.views.local_shape,
            "finetuning.patch": self.finetuning.patch or (factor,) * 3,
            "candidates.crop": self.candidates.crop,
        }
        for key, size in sizes.items():
            if any(edge % factor for edge in size):
                raise ValueError(
                    f"{key} = {size} must be divisible by {factor} for {self.model.levels} levels"
                )
        if len(self.views.lung_limits) != len(self.views.global_boxes):
            raise ValueError("views.lung_limits needs one number for each of views.global_boxes")
        for axis, (edge, block) in enumerate(
            zip(self.views.global_shape, self.corruption.swap_block, strict=True)
        ):
            if block > edge:
                raise ValueError(f"corruption.swap_block is larger than a view on axis {axis}")
        return self
