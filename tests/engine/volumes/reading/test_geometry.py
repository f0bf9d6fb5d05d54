"""A point in millimetres shows the same tissue before and after ingest, however the file is oriented."""

import numpy as np
import pytest
import SimpleITK as sitk
from skimage.filters import threshold_otsu

from pcrl.config import Data
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.prepare import AIR, CELL, DENSE, prepare, resample, resample_label
from pcrl.engine.volumes.reading.reader import read
from pcrl.kernels.volumes.occupancy import cell_shares
from tests.helpers import scans

DATA = Data(spacing=(1.0, 1.0, 1.0))
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
FLIPPED = np.diag([-1.0, -1.0, 1.0])
CORONAL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
OBLIQUE = scans.rotation(12, -9, 5)


@pytest.mark.parametrize("direction", [np.eye(3), FLIPPED, CORONAL, OBLIQUE, OBLIQUE @ CORONAL])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 5.0)])
def test_millimetres_keep_their_tissue(tmp_path, direction, spacing):
    image = scans.write(tmp_path / "a.nii", scans.body(), spacing, direction, (10.0, -20.0, 30.0))
    scan = read(tmp_path / "a.nii")
    data = Data(spacing=(1.0, 1.0, 1.0))
    resampled = resample(scan.values, scan.grid, data)
    target = scan.grid.with_spacing(data.spacing)
    rng = np.random.default_rng(0)
    index = np.stack([rng.uniform(2, n - 3, 200) for n in scan.grid.shape], axis=1).round()
    for zyx, point in zip(index, scan.grid.points(index), strict=True):
        where = image.TransformPhysicalPointToIndex(tuple(point[::-1].astype(float)))
        assert image.GetPixel(where) == scan.values[tuple(zyx.astype(int))]
    # Where the tissue is the same all around, resampling must give just that tissue.
    for point in target.points(np.argwhere(resampled == scans.BRIGHT)[::50].astype(float)):
        where = image.TransformPhysicalPointToIndex(tuple(point[::-1]))
        assert image.GetPixel(where) == scans.BRIGHT
    assert (resampled == scans.BRIGHT).sum() > 100


def test_resampling_is_linear_interpolation_as_in_simpleitk(tmp_path):
    rng = np.random.default_rng(1)
    image = scans.write(
        tmp_path / "a.nii", rng.normal(0, 300, (20, 24, 28)).astype(np.float32), (0.7, 0.9, 2.5), OBLIQUE
    )
    scan = read(tmp_path / "a.nii")
    data = Data(spacing=(1.5, 1.0, 1.2))
    ours = resample(scan.values, scan.grid, data)
    target = scan.grid.with_spacing(data.spacing)
    reference = sitk.Image([*target.shape[::-1]], sitk.sitkFloat32)
    reference.SetSpacing(target.spacing[::-1])
    reference.SetOrigin(target.origin[::-1])
    reference.SetDirection(tuple(np.asarray(target.direction)[::-1, ::-1].ravel()))
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(image, reference, sitk.Transform(), sitk.sitkLinear, np.nan)
    )
    inside = np.isfinite(theirs)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=0.05)


def test_label_is_nearest_neighbour(tmp_path):
    label = (scans.body() == scans.BRIGHT).astype(np.uint8) * 3
    grid = Grid(label.shape, (2.0, 1.0, 0.7), (0.0, 0.0, 0.0))
    data = Data(spacing=(1.0, 1.0, 1.0))
    ours = resample_label(label, grid, data)
    target = grid.with_spacing(data.spacing)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in target.shape], indexing="ij"), -1).reshape(-1, 3)
    nearest = np.floor(grid.indices(target.points(index.astype(float))) + 0.5).astype(int)
    nearest = np.clip(nearest, 0, np.array(grid.shape) - 1)
    np.testing.assert_array_equal(ours.ravel(), label[tuple(nearest.T)])


def test_coarse_grid_averages_only_when_asked_to():
    values = np.random.default_rng(2).normal(0, 100, (30, 30, 30)).astype(np.float32)
    grid = Grid(values.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    plain = resample(values, grid, Data(spacing=(3.0, 3.0, 3.0)))
    averaged = resample(values, grid, Data(spacing=(3.0, 3.0, 3.0), antialias=True))
    np.testing.assert_array_equal(plain, values[1::3, 1::3, 1::3])
    assert averaged.std() < 0.5 * plain.std()
    np.testing.assert_allclose(resample(values, grid, Data()), values)


def test_grids_that_match():
    grid = Grid((10, 10, 10), (2.0, 1.0, 1.0), (5.0, 5.0, 5.0))
    assert grid.matches(Grid((10, 10, 10), (2.0, 1.0, 1.0), (5.2, 5.0, 5.0)))
    assert not grid.matches(Grid((10, 10, 10), (2.0, 1.0, 1.0), (8.0, 5.0, 5.0)))
    assert not grid.matches(Grid((10, 10, 11), (2.0, 1.0, 1.0), (5.0, 5.0, 5.0)))
    points = np.random.default_rng(0).normal(0, 9, (5, 3))
    np.testing.assert_allclose(grid.points(grid.indices(points)), points)


@pytest.mark.parametrize("modality", ["ct", "mr"])
def test_slabs_are_the_whole_volume_at_once(modality):
    """Cells and stored voxels do not know where one slab ends and the next begins."""
    random = np.random.default_rng(0)
    values = random.integers(-1000, 1000, (41, 20, 25)).astype(np.int16)
    grid = Grid((41, 20, 25), (0.7, 1.3, 0.9), (0.0, 0.0, 0.0), IDENTITY)
    made = prepare(values, grid, DATA, None, modality)
    whole = resample(values, grid, DATA)
    original = made.intensity.slope * made.stored + made.intensity.intercept
    low, high = DATA.window if modality == "ct" else (original.min(), original.max())
    np.testing.assert_allclose(original, np.clip(whole, low, high), atol=0.51 if modality == "ct" else 0.1)
    at_once = np.empty_like(made.occupancy)
    threshold = (AIR, DENSE) if modality == "ct" else (threshold_otsu(whole),) * 2
    cell_shares(whole, *threshold, CELL, at_once)
    np.testing.assert_array_equal(made.occupancy, at_once)
