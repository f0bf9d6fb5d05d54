"""What every recipe has, whatever it is for, and the settings that volumes and images share."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Share = Annotated[float, Field(ge=0, le=1)]
Codec = Literal["lz4", "zstd"]
FewestSteps = Annotated[int, Field(ge=0)]
"""Steps of the optimiser that an epoch of fine-tuning has at least, in every arm alike: a training set of fewer batches
is gone through several times an epoch. Of ten images in a batch, 50 epochs would otherwise be 50 steps. 0: none."""
NormBatches = Annotated[int, Field(ge=0)]
"""Batches of training data, at most, over which BatchNorm's running statistics are averaged anew before a fine-tuned
network is validated, scored or kept; never in a frozen encoder. 0: they stay as training left them."""


class RecipeError(ValueError):
    """A recipe or a `--set` that cannot be used; the message names the key and what was expected."""


class Settings(BaseModel):
    """Base of every node of the tree: immutable, and an unknown key is an error rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    later: ClassVar[frozenset[str]] = frozenset()
    """Settings that are younger than the first caches and runs: they are stored only where they differ from their
    default, so that a recipe that does not use them is stored as it ever was, to the last byte."""

    @model_serializer(mode="wrap")
    def _stored(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = serialize(self)
        fields = type(self).model_fields
        unused = {name for name in self.later if getattr(self, name) == fields[name].get_default()}
        return {name: value for name, value in values.items() if name not in unused}


class Training(Settings):
    """Pre-training. Published: SGD with a cosine per epoch to 0."""

    later = frozenset({
        "optimizer", "betas", "schedule", "warmup_epochs", "clip_norm", "accumulate", "norms", "recompute", "compile",
        "deterministic", "checkpoint_epochs", "checkpoint_minutes", "on_fault", "spike",
    })  # fmt: skip

    epochs: Annotated[int, Field(ge=1)] = 240
    samples_per_case: Annotated[int, Field(ge=1)] = 16
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """`training/optimizers/` has a file for each."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999)
    """Of AdamW: how slowly the means of the gradient and of its square change."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """What the learning rate does after the warm-up; it changes once an epoch."""
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs in which the learning rate rises to its value, step by step."""
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Gradients whose norm is larger than this are scaled down to it; none: never."""
    on_fault: Literal["stop", "back"] = "stop"
    """When a loss or a gradient is NaN or infinite, or a spike: stop; or go back to the last checkpoint, and on without
    that step. Found when steps are logged."""
    spike: Annotated[float, Field(gt=1)] | None = None
    """Norm of the gradients, as a multiple of the median of the hundred steps before, that is a fault; none: what is
    larger than twenty times is noted, and trained on."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    loader_threads: Annotated[int, Field(ge=0)] = 0
    """0: as many as there are cores."""
    window: Annotated[int, Field(ge=0)] = 64
    """Files of the cache that samples are drawn across at a time; 0: all. What is outside need not be open, nor in
    memory. A volume is a file; of images, a shard is."""
    ahead: Annotated[int, Field(ge=1)] = 4
    """Batches prepared ahead of the step."""
    log_every: Annotated[int, Field(ge=1)] = 10
    """Steps between two logged lines; nothing else waits for the device."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts in which a batch goes through the network, one after the other, before weights change: it takes the memory
    of a part, and BatchNorm the statistics of a part."""
    norms: Literal["heads", "all", "local"] = "heads"
    """Where several processes train: which BatchNorms take statistics over all of them. `heads`: those of projections
    and predictions, which know one value a sample; `all`: so that training is the same for any number of processes;
    `local`: none."""
    recompute: bool = False
    """Features of the levels are not kept but computed again in the backward: less memory, more time. Not compiled."""
    compile: Literal["auto", "on", "off"] = "auto"
    """Compile what can be compiled; `auto`: on GPUs, where there is a compiler."""
    deterministic: bool = False
    """The same bits again on the same GPU, slower; on a CPU they always are."""
    checkpoint_epochs: Annotated[int, Field(ge=1)] = 1
    """Epochs between two checkpoints at the end of one; the last epoch always has one."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 30
    """Minutes after which there is a checkpoint at the next logged step, wherever in the epoch."""
    picture_every: Annotated[int, Field(ge=1)] = 5
    """Epochs between two pictures of what the network was given and what it made of it."""

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Training:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs = {self.warmup_epochs} must be below epochs = {self.epochs}")
        return self

    @model_validator(mode="after")
    def _compiled_or_recomputed(self) -> Training:
        if self.recompute and self.compile == "on":
            raise ValueError(
                "compile = on and recompute = true: what is recomputed is not compiled, choose one"
            )
        return self

    @model_validator(mode="after")
    def _parts_are_whole(self) -> Training:
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"batch_size = {self.batch_size} cannot be cut into accumulate = {self.accumulate} parts that are alike"
            )
        return self
