"""From the network's grid back to the label's own."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from pcrl.config import FineTuning
from pcrl.engine.geometry.grid import Grid
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup, each_onto, onto, probabilities
from pcrl.evaluation.tasks.segmentation.target import Target

LIVER = Target(("liver",), ((1, 2),), (1,))
NESTED = Target(("liver", "tumour"), ((1, 2), (2,)), (1, 2), overlapping=True)


def segmentation_setup(target):
    return SegmentationSetup(target, FineTuning(overlap=0.5), (16, 16, 16), Rules())


def test_onto_another_grid_agrees_with_scipy():
    grid = Grid((14, 16, 18), (2.0, 1.5, 1.0), (-3.0, 4.0, 5.0))
    target = Grid((20, 17, 30), (1.25, 1.4, 0.6), (-3.4, 4.1, 5.2))
    values = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    index = np.moveaxis(np.indices(target.shape), 0, -1).astype(float)
    where = np.moveaxis(grid.indices(target.points(index)), -1, 0)
    expected = ndimage.map_coordinates(values, where, order=1, mode="nearest")
    np.testing.assert_allclose(onto(values, grid, target), expected, atol=2e-5)


@pytest.mark.parametrize("target", [LIVER, NESTED])
def test_a_perfect_prediction_stays_nearly_perfect_on_the_original_grid(lits, target):
    # Labels were stored at 1 mm from slices of 2 mm; brought back they meet the original again.
    for case in lits.cases:
        label = case.label().read()
        truth = [target.mask(label, region) for region in range(len(target.names))]
        channels = truth if target.overlapping else [~truth[0], *truth]
        grid = case.label_record.grid
        back = target.masks(each_onto(np.stack(channels).astype(np.float32), case.record.grid, grid))
        original = case.label(original=True).read()
        assert back[0].shape == grid.shape
        for region, mask in enumerate(back):
            np.testing.assert_array_equal(mask, target.mask(original, region))


class Threshold(torch.nn.Module):
    """Class 1 where the image is above a value: knows no position, so windows must not matter."""

    def forward(self, x):
        return torch.cat([-x, x], dim=1)


@pytest.mark.parametrize(("target", "slope"), [(LIVER, 2), (NESTED, 1)])
def test_windows_leave_no_seams(target, slope):
    image = np.random.default_rng(0).normal(size=(1, 21, 30, 17)).astype(np.float32)
    found = probabilities(Threshold(), image, (0.0,), segmentation_setup(target), torch.device("cpu"))
    np.testing.assert_allclose(found[1], 1 / (1 + np.exp(-slope * image[0])), atol=1e-5)


def test_the_network_answers_in_evaluation_mode_without_gradients():
    model = torch.nn.Sequential(Threshold(), torch.nn.BatchNorm3d(2)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    image = np.random.default_rng(0).normal(size=(1, 16, 16, 16)).astype(np.float32)
    probabilities(model, image, (0.0,), segmentation_setup(LIVER), torch.device("cpu"))
    assert not model.training
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


class Seen(torch.nn.Module):
    """Class 1 everywhere; keeps what it was shown."""

    def forward(self, x):
        self.shown = x
        return torch.stack([x[:, 0] * 0, x[:, 0] * 0 + 1], dim=1)


def test_beyond_a_volume_smaller_than_a_patch_there_is_air_as_in_training():
    image = np.random.default_rng(0).normal(size=(2, 5, 16, 9)).astype(np.float32)
    model = Seen()
    found = probabilities(model, image, (-1.0, -0.25), segmentation_setup(LIVER), torch.device("cpu"))
    assert found.shape == (2, 5, 16, 9)
    shown = model.shown[0].numpy()
    for channel, (mine, air) in enumerate(zip(image, (-1.0, -0.25), strict=True)):
        np.testing.assert_array_equal(shown[channel][5:10, :, 3:12], mine)
        outside = np.ones((16, 16, 16), bool)
        outside[5:10, :, 3:12] = False
        assert (shown[channel][outside] == np.float32(air)).all()
