"""PyTorch's own `DataLoader` with processes: views made by another library, or raw crops for the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from feeds.volumes import Boxes, largest
from pcrl.config import VolumeRecipe

Make = Callable[
    [NDArray[np.float32], tuple[int, int, int], bool], tuple[NDArray[np.float32], NDArray[np.float32]]
]
"""(crop in [0, 1], shape of the view, global or not) → target, corrupted view; see `peers`."""


class Samples(IterableDataset[tuple[Tensor, ...]]):
    """Endless samples made by another library: global views (2, 1, …), target (1, …), local views (locals, 1, …).

    Args:
        build: makes the library's pipeline, in the worker.
    """

    def __init__(
        self, paths: list[Path], recipe: VolumeRecipe, build: Callable[[VolumeRecipe], Make]
    ) -> None:
        self.paths, self.recipe, self.build = paths, recipe, build

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Samples of this worker."""
        views, make = self.recipe.views, self.build(self.recipe)
        boxes = Boxes(self.paths, self.recipe, _worker())
        while True:
            outer, inner = boxes.sample()
            pairs = [make(_scaled(crop), views.global_shape, True) for crop in outer]
            small = [make(_scaled(crop), views.local_shape, False)[1] for crop in inner]
            globals_ = np.stack([view for _, view in pairs])[:, None]
            yield tuple(torch.from_numpy(a) for a in (globals_, pairs[0][0][None], np.stack(small)[:, None]))


class Crops(IterableDataset[tuple[Tensor, ...]]):
    """Endless raw crops: int16 boxes in corners of arrays as large as the largest, and the boxes' edges.

    A sample is (2, *largest), (2, 3), (locals, *largest local), (locals, 3).
    """

    def __init__(self, paths: list[Path], recipe: VolumeRecipe) -> None:
        self.paths, self.recipe = paths, recipe

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Samples of this worker."""
        views, boxes = self.recipe.views, Boxes(self.paths, self.recipe, _worker())
        sizes = largest(views.global_boxes), largest(views.local_boxes)
        low = int(self.recipe.data.window[0])
        while True:
            found: list[Tensor] = []
            for crops, size in zip(boxes.sample(), sizes, strict=True):
                held = np.full((len(crops), *size), low, np.int16)
                for place, crop in zip(held, crops, strict=True):
                    place[tuple(slice(0, n) for n in crop.shape)] = crop
                found += [torch.from_numpy(held), torch.tensor([crop.shape for crop in crops])]
            yield tuple(found)


def batches(
    samples: IterableDataset[tuple[Tensor, ...]], batch: int, workers: int, device: torch.device
) -> Iterator[list[Tensor]]:
    """Batches on the device, from worker processes."""
    gpu = device.type == "cuda"
    loader = DataLoader(
        samples,
        batch,
        num_workers=workers,
        pin_memory=gpu,
        multiprocessing_context="spawn",  # after CUDA has been used, processes cannot be forked
        worker_init_fn=_one_thread,
        timeout=120,
    )
    for arrays in loader:
        yield [array.to(device, non_blocking=True) for array in arrays]


def _scaled(crop: NDArray[np.int16]) -> NDArray[np.float32]:
    return (crop.astype(np.float32) + np.float32(1000)) / np.float32(2000)


def _worker() -> int:
    info = get_worker_info()
    return 0 if info is None else info.id


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
