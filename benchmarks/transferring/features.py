"""What a frozen network says of a voxel: features of every level of the pyramid, on the way down and up again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pcrl.config import VolumeRecipe
from pcrl.models.networks import build
from pcrl.models.volumes.nsunet import NsUNet3D
from transferring.tuning import Volume


@dataclass(frozen=True, slots=True)
class Places:
    """Voxels to ask about: indices (n, 3) into a volume, and the organ of each (n,)."""

    at: NDArray[np.int64]
    organ: NDArray[np.int64]


def frozen(state: Mapping[str, Tensor], recipe: VolumeRecipe, volumes: Sequence[Volume]) -> NsUNet3D:
    """The pre-training network with given weights, its norms set to the statistics of some volumes.

    Random and permuted weights need this to be compared fairly, so that all weights get it.
    """
    model = build(recipe.model)
    assert isinstance(model, NsUNet3D)
    model.load_state_dict(dict(state))
    model.train()
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm3d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average of all passes
    with torch.inference_mode():
        for volume in volumes:
            maps_of(model, volume)
    return model.eval()


def maps_of(model: NsUNet3D, volume: Volume) -> dict[str, Tensor]:
    """Feature maps (channels, z, y, x) of a whole volume, normalised as views are: encoder, then decoder levels."""
    factor = 2**model.decoder_levels
    pads = [(0, -n % factor) for n in volume.image.shape[1:]]
    image = np.pad(volume.image[0], pads, mode="edge")
    image = (image - image.mean()) / max(float(image.std()), 1e-6)
    with torch.inference_mode():
        maps = model.encoder(torch.from_numpy(image.astype(np.float32))[None, None])
        found = {f"encoder {depth}": one[0] for depth, one in enumerate(maps)}
        features = maps[-1]
        for number, level in enumerate(model.decoder):
            features = level.pair(level.up(features))
            found[f"decoder {number}"] = features[0]
    return found


def places_in(volume: Volume, organs: Sequence[int], each: int, rng: np.random.Generator) -> Places:
    """Up to `each` random voxels of every organ."""
    at, names = [], []
    for organ in organs:
        inside = np.argwhere(volume.label == organ)
        chosen = inside[rng.permutation(len(inside))[:each]]
        at.append(chosen)
        names.append(np.full(len(chosen), organ))
    return Places(np.concatenate(at), np.concatenate(names))


def features_at(
    model: NsUNet3D, volumes: Sequence[Volume], places: Sequence[Places]
) -> dict[str, list[NDArray[np.float32]]]:
    """For every level the features (n, channels) of each volume's places, those of the voxel that covers a place."""
    found: dict[str, list[NDArray[np.float32]]] = {}
    for volume, asked in zip(volumes, places, strict=True):
        maps = maps_of(model, volume)
        full = maps["encoder 0"].shape[1]
        for name, features in maps.items():
            z, y, x = (asked.at // (full // features.shape[1])).T
            found.setdefault(name, []).append(features[:, z, y, x].T.contiguous().numpy())
    return found
