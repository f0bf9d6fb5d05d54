"""Each bad file ends in a message that names it and the reason; the others are unharmed."""

import gzip
import os
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from pcrl.config import Data
from pcrl.engine.errors import ReadError, ScanError
from pcrl.engine.volumes.prepare import finite, prepare
from pcrl.engine.volumes.reading.reader import read
from tests.helpers import scans


def refused(path, named):
    with pytest.raises(ReadError, match=named) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "mha", "nrrd"])
def test_truncated_file_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    scans.write(path, np.random.default_rng(0).integers(-1000, 1000, (9, 10, 11)).astype(np.int16))
    os.truncate(path, path.stat().st_size // 2)
    refused(path, "truncated|cannot be read")


def test_no_file_empty_file_text_file(tmp_path):
    refused(tmp_path / "a.nii", "no such file")
    (tmp_path / "a.nii").touch()
    refused(tmp_path / "a.nii", "empty")
    (tmp_path / "a.nii").write_text("not an image " * 50)
    refused(tmp_path / "a.nii", "not a NIfTI")
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(b"hello"))
    refused(tmp_path / "a.nii.gz", "not a NIfTI")


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "mha", "nrrd"])
def test_values_that_are_not_finite_are_seen_in_every_format(tmp_path, suffix):
    values = scans.body().astype(np.float64)
    values[3, 5, 7:9], values[20, 30, 39] = np.nan, np.inf
    scans.write(tmp_path / f"a.{suffix}", values)
    read_back = read(tmp_path / f"a.{suffix}").values
    np.testing.assert_array_equal(np.isfinite(read_back), np.isfinite(values))
    np.testing.assert_array_equal(read_back[np.isfinite(values)], values[np.isfinite(values)])


def test_the_second_version_of_nifti_is_named(tmp_path):
    header = bytearray(544)
    struct.pack_into("<i8s2h8q", header, 0, 540, b"n+2\0\r\n\x1a\n", 4, 16, 3, 40, 32, 24, 1, 1, 1, 1)
    struct.pack_into("<8dq", header, 104, 1, 1, 1, 2, 0, 0, 0, 0, 544)
    struct.pack_into("<2i", header, 344, 0, 2)
    struct.pack_into("<12d", header, 400, *scans.SFORM)
    struct.pack_into("<i", header, 500, 2)
    (tmp_path / "a.nii").write_bytes(bytes(header) + scans.body().tobytes())
    refused(tmp_path / "a.nii", "NIfTI-2")
    struct.pack_into("<12d", header, 400, *(scans.SFORM * np.nan))
    (tmp_path / "a.nii").write_bytes(bytes(header) + scans.body().tobytes())
    refused(tmp_path / "a.nii", "sform holds values that are not finite")


def test_four_dimensions(tmp_path):
    series = sitk.JoinSeries([sitk.GetImageFromArray(scans.body())] * 2)
    sitk.WriteImage(series, str(tmp_path / "a.nii"))
    refused(tmp_path / "a.nii", "4-D")


def sheared(path, shear):
    """A NIfTI with only an sform, whose second axis leans by `shear` of a voxel towards the first."""
    scans.write(path, scans.body())
    rows = scans.SFORM.copy()
    rows[1] += shear
    scans.edit_header(path, sform=rows, codes=(0, 1))


def test_slightly_sheared_direction_is_mended_and_said(tmp_path):
    sheared(tmp_path / "a.nii", 0.01)
    scan = read(tmp_path / "a.nii")
    assert "orthonormal" in scan.notes[0]
    matrix = np.asarray(scan.grid.direction)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)


def test_strongly_sheared_direction_is_refused(tmp_path):
    sheared(tmp_path / "a.nii", 0.3)
    refused(tmp_path / "a.nii", "sheared")


def dicom(folder, positions, series="1.2.3"):
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, z in enumerate(positions):
        image = sitk.GetImageFromArray(scans.body()[number % 24][None])
        for key, value in {
            "0008|0060": "CT",
            "0020|000d": "1.2",
            "0020|000e": series,
            "0008|0018": f"{series}.{number}",
            "0020|0013": str(number),
            "0020|0032": f"0\\0\\{z}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }.items():
            image.SetMetaData(key, value)
        image.SetOrigin((0.0, 0.0, float(z)))
        writer.SetFileName(str(folder / f"{series}-{number}.dcm"))
        writer.Execute(image)


def test_dicom_series_says_its_modality(tmp_path):
    dicom(tmp_path / "s", [0, 2, 4, 6, 8])
    scan = read(tmp_path / "s")
    assert scan.modality == "ct"
    assert scan.grid.spacing[0] == pytest.approx(2)
    assert scan.values.shape[0] == 5


def test_missing_slice_is_refused(tmp_path):
    dicom(tmp_path / "s", [0, 2, 4, 8, 10])
    refused(tmp_path / "s", "a slice is missing")


def test_slices_of_no_volume_in_a_folder_are_said(tmp_path):
    dicom(tmp_path / "s", [0, 2, 4, 6, 8])
    dicom(tmp_path / "s", [0, 5], series="1.2.4")
    scan = read(tmp_path / "s")
    assert scan.values.shape[0] == 5
    assert "2 slices left out" in scan.notes[0]


def test_folder_without_a_series(tmp_path):
    refused(tmp_path, "no DICOM series")


def test_values_that_are_not_finite():
    values = scans.body().astype(np.float32)
    values[0, 0, :5] = np.nan
    mended, notes = finite(values)
    assert "5 voxels" in notes[0]
    assert mended.min() == -1000
    with pytest.raises(ScanError, match="100%"):
        finite(np.full((4, 4, 4), np.nan))
    with pytest.raises(ScanError, match="every voxel is 3"):
        finite(np.full((4, 4, 4), 3))


@pytest.fixture
def grid():
    from pcrl.engine.geometry.grid import Grid

    return Grid(scans.body().shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def test_mr_under_a_ct_window_is_refused(grid):
    mr = np.clip(scans.body(), 0, None) + 5
    with pytest.raises(ScanError, match="--modality mr"):
        prepare(mr, grid, Data(), "ct", None)
    with pytest.raises(ScanError, match="remove --modality"):
        prepare(mr, grid, Data(), "mr", "ct")
    assert prepare(mr, grid, Data(), None, None).modality == "mr"


def test_ct_is_stored_in_hounsfield_units(grid):
    prepared = prepare(scans.body() - 500, grid, Data(), None, None)
    assert prepared.modality == "ct"
    np.testing.assert_array_equal(prepared.stored, np.clip(scans.body() - 500, -1000, 1000))
    scaled = prepared.stored * prepared.intensity.scale + prepared.intensity.offset
    assert scaled.min() == pytest.approx(0)


def test_mr_is_scaled_to_its_percentiles(grid):
    rng = np.random.default_rng(0)
    mr = np.where(scans.body() > 0, rng.normal(400, 50, grid.shape), rng.normal(5, 2, grid.shape))
    prepared = prepare(mr, grid, Data(), "mr", None)
    scaled = prepared.stored * prepared.intensity.scale + prepared.intensity.offset
    assert (scaled.min(), scaled.max()) == (0, pytest.approx(1))
    original = prepared.stored * prepared.intensity.slope + prepared.intensity.intercept
    kept = (scaled > 0) & (scaled < 1)
    np.testing.assert_allclose(original[kept], mr[kept], atol=prepared.intensity.slope)


def test_occupancy_is_the_share_of_each_cell(grid):
    prepared = prepare(scans.body(), grid, Data(), "ct", None)
    foreground = scans.body() > -500
    assert prepared.occupancy.shape == (2, 3, 4, 5)
    assert prepared.occupancy[0, 1, 1, 1] == pytest.approx(foreground[8:16, 8:16, 8:16].mean())
    dense = (scans.body() > -150).astype(float)
    dense[:-1] += 0.5 * ((scans.body()[1:] > -150) & (dense[:-1] == 0))
    assert prepared.occupancy[1, 0, 2, 2] == pytest.approx(dense[:8, 16:24, 16:24].mean())
