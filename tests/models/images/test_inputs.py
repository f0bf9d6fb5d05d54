"""What the 2D network is given, against a plain loop."""

import numpy as np
import pytest
import torch

from pcrl.models.images.inputs import DEVIATION, MEAN, from_network, to_network


def plainly(images, holes):
    result = np.empty((len(images), 3, *images.shape[2:]), np.float32)
    for n, image in enumerate(images[:, 0].numpy()):
        for channel in range(3):
            result[n, channel] = (image - MEAN[channel]) / DEVIATION[channel]
            for y0, x0, y1, x1 in holes[n].tolist():
                result[n, channel, y0:y1, x0:x1] = 0
    return result


@pytest.mark.parametrize("count", [0, 1, 3])
def test_expansion_normalisation_and_holes(count):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 1, 20, 30, generator=generator)
    corners = torch.randint(0, 15, (4, count, 2), generator=generator)
    sizes = torch.randint(0, 8, (4, count, 2), generator=generator)
    holes = torch.cat([corners, corners + sizes], dim=2).to(torch.int32)
    torch.testing.assert_close(to_network(images, holes), torch.from_numpy(plainly(images, holes)))


def test_without_holes_and_back():
    images = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(from_network(to_network(images, None)), images)
