"""Where a NIfTI is read: by one rule for scans and labels, and never somewhere in silence."""

import numpy as np
import pytest
import SimpleITK as sitk

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.channels import read_channels
from pcrl.engine.volumes.reading.nifti.place import share_a_place
from pcrl.engine.volumes.reading.reader import read
from pcrl.engine.volumes.reading.writer import write_like
from tests.helpers import scans


@pytest.fixture
def path(tmp_path):
    scans.write(tmp_path / "a.nii", scans.body())
    return tmp_path / "a.nii"


def shifted(mm):
    rows = scans.SFORM.copy()
    rows[11] += mm
    return rows


@pytest.mark.parametrize("codes", [(1, 2), (1, 1), (2, 1), (0, 2), (1, 4)])
def test_the_sform_is_taken_wherever_it_has_a_code_and_the_difference_is_said(path, codes):
    scans.edit_header(path, sform=shifted(30), codes=codes)
    scan = read(path)
    assert scan.grid.origin == (30, 0, 0)
    assert any("30.0 mm apart" in note for note in scan.notes) == (codes[0] > 0)


def test_the_qform_is_taken_where_the_sform_has_no_code(path):
    scans.edit_header(path, sform=shifted(30), codes=(1, 0))
    assert read(path).grid.origin == (0, 0, 0)


def test_a_scan_without_a_place_is_said_to_have_none(path):
    scans.edit_header(path, codes=(0, 0), pixdim=(1, 2, 2, 3))
    scan = read(path)
    assert scan.grid.spacing == (3, 2, 2)
    assert "states no place" in scan.notes[0]


def test_a_turned_qform_is_what_simpleitk_reads(tmp_path):
    scans.write(
        tmp_path / "a.nii", scans.body(), (0.8, 0.9, 2.5), scans.rotation(12, -9, 5), (10.0, -20.0, 30.0)
    )
    by_qform = tmp_path / "b.nii"
    by_qform.write_bytes((tmp_path / "a.nii").read_bytes())
    # Moved back and forth, so that the matrix is ours and not that of ITK.
    scans.edit_header(by_qform, codes=(1, 0), sform=np.zeros(12))
    sheared = tmp_path / "c.nii"
    sheared.write_bytes((tmp_path / "a.nii").read_bytes())
    rows = scans.SFORM.copy()
    rows[1] += 0.5
    scans.edit_header(sheared, sform=rows)
    first = read(tmp_path / "a.nii").grid
    for other in (by_qform, sheared):
        grid = read(other).grid
        np.testing.assert_allclose(grid.direction, first.direction, atol=1e-5)
        np.testing.assert_allclose((grid.origin, grid.spacing), (first.origin, first.spacing), atol=1e-4)
    assert "sheared" in read(sheared).notes[0]
    assert "qform is taken" in read(sheared).notes[0]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"pixdim": (1, 1, 0, 1), "codes": (1, 0)}, "size of a voxel"),
        ({"pixdim": (1, 1, -2, 1), "codes": (0, 0)}, "size of a voxel"),
        ({"sform": shifted(np.nan)}, "sform holds values that are not finite"),
        ({"sform": shifted(np.inf), "codes": (0, 2)}, "sform holds values that are not finite"),
        ({"offset": (0, np.nan, 0), "codes": (1, 0)}, "qform holds values that are not finite"),
        ({"unit": 3}, "unit of length"),
        ({"unit": 1}, "unit of length"),
        ({"sform": scans.SFORM * 0, "codes": (0, 1)}, "onto a plane"),
    ],
)
def test_impossible_geometry_is_refused_by_name(path, fields, named):
    scans.edit_header(path, **fields)
    with pytest.raises(ReadError, match=named) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_the_sform_has_sizes_of_its_own(path):
    scans.edit_header(path, sform=scans.SFORM * 2, codes=(0, 2), pixdim=(1, 0, 0, 0))
    scan = read(path)
    assert scan.grid.spacing == (2, 2, 2)
    assert "by its sform" in scan.notes[0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"unit": 0}, "no unit"), ({"sform": np.abs(scans.SFORM), "codes": (0, 2)}, "identity")],
)
def test_what_may_be_wrong_is_said(path, fields, said):
    scans.edit_header(path, **fields)
    assert said in read(path).notes[0]


def test_micrometres_are_converted(path):
    scans.edit_header(path, unit=3, pixdim=(1, 900, 900, 900), sform=scans.SFORM * 900)
    scan = read(path)
    np.testing.assert_allclose(scan.grid.spacing, 0.9)
    assert "µm" in scan.notes[0]


def test_what_is_written_for_a_scan_lies_where_the_scan_is_read(path, tmp_path):
    scans.edit_header(path, sform=shifted(30), codes=(1, 2))
    scan = read(path)
    write_like((scan.values == scans.BRIGHT).astype(np.uint8), path, tmp_path / "mask.nii.gz")
    mask = read(tmp_path / "mask.nii.gz")
    assert mask.grid == scan.grid
    np.testing.assert_array_equal(mask.values, scan.values == scans.BRIGHT)


def test_files_that_share_a_place_by_other_forms(path, tmp_path):
    scans.edit_header(path, sform=shifted(30), codes=(1, 2))
    scans.write(tmp_path / "label.nii", scans.body())
    assert share_a_place(tmp_path / "label.nii", path) == "its sform is the qform of that"
    scans.write(tmp_path / "label.nii", scans.body(), origin=(0.0, 0.0, 12.0))
    assert not share_a_place(tmp_path / "label.nii", path)


def test_a_label_that_nibabel_made_for_a_scan_without_a_place(path, tmp_path):
    nifti_of_nibabel = tmp_path / "label.nii"
    scans.write(nifti_of_nibabel, scans.body())
    z, y, x = ((n - 1) / 2 for n in scans.body().shape)
    rows = np.array([-1, 0, 0, x, 0, 1, 0, -y, 0, 0, 1, -z])
    scans.edit_header(nifti_of_nibabel, sform=rows, codes=(0, 2))
    scans.edit_header(path, codes=(0, 0))
    assert "as nibabel makes one up" in share_a_place(nifti_of_nibabel, path)


def test_channels_on_one_grid_by_different_forms(path, tmp_path):
    scans.write(tmp_path / "second.nii", scans.body() + 1)
    scans.edit_header(path, sform=shifted(30), codes=(1, 2))
    first, second = read_channels([path, tmp_path / "second.nii"])
    assert first.grid == second.grid
    np.testing.assert_array_equal(first.values + 1, second.values)
    assert "by different forms" in second.notes[-1]
    scans.edit_header(path, codes=(0, 2))
    with pytest.raises(ReadError, match="channels of a case must be on one grid"):
        read_channels([path, tmp_path / "second.nii"])


def test_another_scan_gives_its_place_voxel_by_voxel(path, tmp_path):
    label = (scans.body() == scans.BRIGHT).astype(np.uint8)
    scans.write(path, scans.body(), (1.5, 1.5, 2.0), np.diag([-1.0, 1, -1]), (40.0, 3.0, 9.0))
    scans.write(tmp_path / "label.nii", label)
    scans.edit_header(tmp_path / "label.nii", sform=np.full(12, np.nan))
    scan, read_like = read(path), read(tmp_path / "label.nii", like=path)
    assert read_like.grid == scan.grid
    np.testing.assert_array_equal(read_like.values, scan.values == scans.BRIGHT)
    scans.write(tmp_path / "label.nii", label[1:])
    with pytest.raises(ReadError, match="do not belong together"):
        read(tmp_path / "label.nii", like=path)


@pytest.mark.parametrize(
    ("stated", "named"),
    [("1 0 0 0.3 1 0 0 0 1", "sheared"), ("1 0 0 0.3 nan 0 0 0 1", "not finite|cannot be read")],
)
def test_directions_of_other_formats_are_held_to_the_same(tmp_path, stated, named):
    scans.write(tmp_path / "a.mhd", scans.body())
    text = (tmp_path / "a.mhd").read_text()
    (tmp_path / "a.mhd").write_text(text.replace("1 0 0 0 1 0 0 0 1", stated))
    with pytest.raises(ReadError, match=named):
        read(tmp_path / "a.mhd")


def test_grids_of_other_formats_are_held_to_the_same(tmp_path):
    image = sitk.GetImageFromArray(scans.body())
    image.SetSpacing((0.001, 0.001, 0.001))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    with pytest.raises(ReadError, match=r"expected 0\.02 to 50 mm"):
        read(tmp_path / "a.mha")
