"""Encoders: the part of a pre-trained network that fine-tuning takes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_ENCODER = "encoder."


def encoder_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the encoder, under its own names, out of those of a network or of its encoder alone."""
    return {name.removeprefix(_ENCODER): state[name] for name in state if name.startswith(_ENCODER)}
