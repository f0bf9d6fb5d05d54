"""From the network's grid back to the label's own."""

import numpy as np
import patients
import pytest
import torch
from scipy import ndimage

from pcrl.engine.grid import Grid
from pcrl.evaluation.predict import onto, probabilities, to_original
from pcrl.evaluation.volumes import classes_of, draw_patch, image_of, load


def test_onto_another_grid_agrees_with_scipy():
    grid = Grid((14, 16, 18), (2.0, 1.5, 1.0), (-3.0, 4.0, 5.0))
    target = Grid((20, 17, 30), (1.25, 1.4, 0.6), (-3.4, 4.1, 5.2))
    values = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    index = np.moveaxis(np.indices(target.shape), 0, -1).astype(float)
    where = np.moveaxis(grid.indices(target.points(index)), -1, 0)
    expected = ndimage.map_coordinates(values, where, order=1, mode="nearest")
    np.testing.assert_allclose(onto(values, grid, target), expected, atol=2e-5)


def test_a_perfect_prediction_stays_nearly_perfect_on_the_original_grid(lits):
    # Labels were stored at 1 mm from slices of 2 mm; brought back they meet the original again.
    for case in lits.cases:
        label = case.label().read()
        one_hot = np.stack([label == 0, label == 1]).astype(np.float32)
        back = to_original(one_hot, case)
        assert back.shape == case.label_record.grid.shape
        np.testing.assert_array_equal(back, case.label(original=True).read())


class Threshold(torch.nn.Module):
    """Class 1 where the image is above a value: knows no position, so windows must not matter."""

    def forward(self, x):
        return torch.cat([-x, x], dim=1)


def test_windows_leave_no_seams():
    image = np.random.default_rng(0).normal(size=(1, 21, 30, 17)).astype(np.float32)
    found = probabilities(Threshold(), image, (16, 16, 16), 0.5, torch.device("cpu"))
    np.testing.assert_allclose(found[1], 1 / (1 + np.exp(-2 * image[0])), atol=1e-5)


@pytest.mark.parametrize("window", [None, (-100.0, 100.0)])
def test_ct_is_windowed_to_one_scale_for_all_patients(lits, window):
    low, high = window or (-1000.0, 1000.0)
    for case in lits.cases[:2]:
        hounsfield = case.image.read().astype(np.float64)
        expected = (np.clip(hounsfield, low, high) - low) / (high - low) * 2 - 1
        np.testing.assert_allclose(image_of(case, window), expected, atol=1e-6)


def test_classes_group_label_values():
    label = np.array([0, 1, 2, 3, 4])
    np.testing.assert_array_equal(classes_of(label, ((1, 2), (4,))), [0, 1, 1, 0, 2])


@pytest.mark.parametrize("size", [(16, 16, 16), (64, 16, 16)])
def test_patches_show_the_label_and_pad_with_the_minimum(lits, size):
    volume = load(lits.cases[0], None, ((1,),))
    rng = np.random.default_rng(0)
    drawn = [draw_patch(volume, size, rng) for _ in range(40)]
    assert {image.shape for image, _ in drawn} == {(1, *size)}
    assert sum(bool(label.any()) for _, label in drawn) >= 20
    if size[0] > patients.SHAPE[0] * 2:
        image, label = drawn[0]
        padding = image[0, [0, -1]]
        assert float(padding.max() - padding.min()) < 1e-6
        assert not label[[0, -1]].any()
