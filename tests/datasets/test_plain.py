"""Files of odd names are given to libraries by plain ones."""

import os

import pytest

from pcrl.datasets.plain import plain_path


@pytest.mark.parametrize("name", [b"M\x81ller.nii.gz", b"two\nlines.nii.gz"])
def test_a_file(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_text("pixels")
    with plain_path(path) as plain:
        assert plain.name == "scan.nii.gz"
        assert plain.read_text() == "pixels"
    assert not plain.exists()
    assert path.exists()


def test_a_header_and_its_pixels(tmp_path):
    path = tmp_path / os.fsdecode(b"M\x81ller.mhd")
    path.write_text("ElementDataFile = it.raw")
    (tmp_path / "it.raw").write_text("pixels")
    with plain_path(path) as plain:
        assert (plain.name, (plain.parent / "it.raw").read_text()) == ("scan.mhd", "pixels")


def test_a_folder_of_slices(tmp_path):
    for name in (b"\x81.dcm", b"b.dcm"):
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    with plain_path(tmp_path) as plain:
        assert sorted(file.read_bytes() for file in plain.iterdir()) == [b"b.dcm", b"\x81.dcm"]
        assert all(file.suffix == ".dcm" for file in plain.iterdir())


def test_plain_paths_stay(tmp_path):
    with plain_path(tmp_path / "a [b] 病.nii") as plain:
        assert plain == tmp_path / "a [b] 病.nii"
