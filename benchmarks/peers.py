"""The pipelines that a user would build for the same views with other libraries, from a memory-mapped array.

The same boxes, views and corruptions in the libraries' own transforms; what a library lacks (100 block swaps outside
TorchIO) is plain NumPy. One thread; crops are converted to float32 in [0, 1] when they are cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from pcrl.config import VolumeRecipe

View = NDArray[np.float32]
Make = Callable[[View, tuple[int, int, int], bool], tuple[View, View]]
"""(crop, shape of the view, global or not) → target, corrupted view."""


class Pipeline:
    """Draws boxes as the published code does and makes all views of a sample."""

    def __init__(self, volume: NDArray[np.int16], recipe: VolumeRecipe, make: Make) -> None:
        self.volume, self.views, self.make = volume, recipe.views, make
        self.random = np.random.default_rng(0)

    def sample(self) -> list[View]:
        """Two global views, the target of the first, and the local views."""
        first, second = self._pair()
        low = np.minimum(first[0], second[0])
        size = np.maximum(first[0] + first[1], second[0] + second[1]) - low
        results = []
        for box in (first, second):
            target, view = self.make(self._crop(*box), self.views.global_shape, True)
            results += [target, view]
        for _ in range(self.views.locals):
            edges = np.array(self.views.local_boxes[self.random.integers(len(self.views.local_boxes))])
            edges = np.minimum(edges, size)
            start = low + self.random.integers(0, size - edges + 1)
            results.append(self.make(self._crop(start, edges), self.views.local_shape, False)[1])
        return results

    def _pair(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        while True:
            boxes = []
            for _ in range(2):
                edges = np.array(self.views.global_boxes[self.random.integers(len(self.views.global_boxes))])
                margin = np.minimum(self.views.margin, (np.array(self.volume.shape) - edges) // 2)
                high = np.array(self.volume.shape) - edges - margin
                boxes.append((self.random.integers(margin, high + 1), edges))
            (a, n), (b, m) = boxes
            common = float(np.maximum(0, np.minimum(a + n, b + m) - np.maximum(a, b)).prod())
            if common / (math.prod(n) + math.prod(m) - common) > self.views.minimum_iou:
                return tuple(boxes)

    def _crop(self, start: NDArray[np.int64], size: NDArray[np.int64]) -> View:
        part = self.volume[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))]
        return (part.astype(np.float32) + 1000) / 2000


def swap(view: View, pairs: int, block: tuple[int, int, int], random: np.random.Generator) -> None:
    """Swap random pairs of blocks in place."""
    for _ in range(pairs):
        starts = random.integers(0, np.array(view.shape) - block + 1, (2, 3))
        a, b = (tuple(slice(s, s + n) for s, n in zip(start, block, strict=True)) for start in starts)
        kept = view[a].copy()
        view[a] = view[b]
        view[b] = kept


def torchio(recipe: VolumeRecipe) -> Make:
    """TorchIO 1.x: the transforms that the published code uses."""
    import torchio as tio

    corruption = recipe.corruption
    spatial = {
        shape: tio.Compose(
            [
                tio.Resize(shape),
                tio.RandomFlip(axes=2, flip_probability=recipe.views.flip_probability),
                tio.RandomAffine(scales=0.1, degrees=recipe.views.angle, default_pad_value="minimum"),
            ]
        )
        for shape in (recipe.views.global_shape, recipe.views.local_shape)
    }
    pixels = [
        tio.RandomBlur((0, corruption.blur_sigma)),
        tio.RandomNoise(std=(0, corruption.noise_sigma)),
        tio.RandomGamma(corruption.log_gamma),
    ]
    swaps = [tio.RandomSwap(corruption.swap_block, corruption.swaps)]
    corrupt = {
        True: tio.Compose([*pixels, *swaps, tio.ZNormalization()]),
        False: tio.Compose([*pixels, tio.ZNormalization()]),
    }

    def make(crop: View, shape: tuple[int, int, int], is_global: bool) -> tuple[View, View]:
        image = spatial[shape](tio.ScalarImage(tensor=torch.from_numpy(crop)[None]))
        return image.numpy()[0], corrupt[is_global](image).numpy()[0]

    return make


def monai(recipe: VolumeRecipe) -> Make:
    """MONAI's array transforms."""
    from monai.transforms import (
        Compose,
        NormalizeIntensity,
        RandAdjustContrast,
        RandAffine,
        RandFlip,
        RandGaussianNoise,
        RandGaussianSmooth,
        Resize,
    )

    corruption, angle = recipe.corruption, math.radians(recipe.views.angle)
    sigma = (0.01, corruption.blur_sigma)
    spatial = {
        shape: Compose(
            [
                Resize(shape, mode="trilinear", anti_aliasing=True),
                RandFlip(recipe.views.flip_probability, spatial_axis=2),
                RandAffine(1.0, rotate_range=[angle] * 3, scale_range=[0.1] * 3, padding_mode="border"),
            ]
        )
        for shape in (recipe.views.global_shape, recipe.views.local_shape)
    }
    pixels = Compose(
        [
            RandGaussianSmooth(sigma, sigma, sigma, prob=1.0),
            RandGaussianNoise(1.0, std=corruption.noise_sigma),
            RandAdjustContrast(1.0, (math.exp(-corruption.log_gamma), math.exp(corruption.log_gamma))),
        ]
    )
    normalize, random = NormalizeIntensity(), np.random.default_rng(0)

    def make(crop: View, shape: tuple[int, int, int], is_global: bool) -> tuple[View, View]:
        target = spatial[shape](crop[None])
        view = pixels(target)
        if is_global:
            swap(view[0].numpy(), corruption.swaps, corruption.swap_block, random)
        return target[0].numpy(), normalize(view)[0].numpy()

    return make


def batchgenerators(recipe: VolumeRecipe) -> Make:
    """batchgeneratorsv2, after PyTorch's own resize."""
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
    from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
    from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
    from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

    corruption, angle = recipe.corruption, math.radians(recipe.views.angle)
    spatial = {
        shape: SpatialTransform(
            shape, 0, False, p_rotation=1, rotation=(-angle, angle), p_scaling=1, scaling=(0.9, 1.1),
            p_synchronize_scaling_across_axes=0, bg_style_seg_sampling=False,
        )
        for shape in (recipe.views.global_shape, recipe.views.local_shape)
    }  # fmt: skip
    mirror = MirrorTransform((2,))
    pixels = [
        GaussianBlurTransform((0.0, corruption.blur_sigma), synchronize_axes=False, p_per_channel=1, benchmark=False),
        GaussianNoiseTransform((0, corruption.noise_sigma**2), p_per_channel=1),
        GammaTransform(
            (math.exp(-corruption.log_gamma), math.exp(corruption.log_gamma)),
            p_invert_image=0, synchronize_channels=False, p_per_channel=1, p_retain_stats=0,
        ),
    ]  # fmt: skip
    random = np.random.default_rng(0)

    def make(crop: View, shape: tuple[int, int, int], is_global: bool) -> tuple[View, View]:
        resized = torch.nn.functional.interpolate(torch.from_numpy(crop)[None, None], shape, mode="trilinear")
        target = spatial[shape](**mirror(image=resized[0]))["image"]
        view = target.clone()
        for transform in pixels:
            view = transform(image=view)["image"]
        values = view[0].numpy()
        if is_global:
            swap(values, corruption.swaps, corruption.swap_block, random)
        return target[0].numpy(), (values - values.mean()) / max(float(values.std()), 1e-8)

    return make


PEERS = {"TorchIO": torchio, "MONAI": monai, "batchgeneratorsv2": batchgenerators}
