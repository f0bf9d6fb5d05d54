"""A file is recognised as DICOM, and for what it is."""

import pytest
from pydicom.uid import EnhancedSRStorage, MediaStorageDirectoryStorage, SecondaryCaptureImageStorage

from pcrl.datasets.dicom.header import DicomError, is_dicom, read_header
from tests.helpers import dicom


def test_with_and_without_preamble(tmp_path):
    folder = dicom.series(tmp_path / "s")
    path = folder / "003.dcm"
    before = read_header(path)
    dicom.without_preamble(path)
    assert path.read_bytes()[128:132] != b"DICM"
    assert is_dicom(path)
    assert read_header(path).frames == before.frames


@pytest.mark.parametrize("content", [b"", b"x" * 400, b"\x08\x00" + b"\xff" * 300, b"\x89PNG" + b"\0" * 300])
def test_other_files_are_none(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert not is_dicom(tmp_path / "a")
    assert not is_dicom(tmp_path / "missing")


@pytest.mark.parametrize(
    ("sop_class", "tags", "words"),
    [
        (EnhancedSRStorage, {"modality": "SR"}, "Enhanced SR Storage holds no image"),
        (MediaStorageDirectoryStorage, {}, "DICOMDIR"),
        (SecondaryCaptureImageStorage, {"modality": "OT", "Rows": 4}, "a picture of a screen"),
        ("1.2.840.10008.5.1.4.1.1.2", {"Rows": 4, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localiser"),
        ("1.2.840.10008.5.1.4.1.1.66.4", {"modality": "SEG", "Rows": 4}, "no scan"),
        ("1.2.840.10008.5.1.4.1.1.6.1", {"modality": "US", "Rows": 4}, "neither a volume nor a radiograph"),
        ("1.2.840.10008.5.1.4.1.1.2", {"Rows": 4, "SamplesPerPixel": 3}, "colour"),
    ],
)  # fmt: skip
def test_what_is_no_scan_is_left_out_with_a_reason(tmp_path, sop_class, tags, words):
    path = dicom.save(dicom.header(sop_class, **tags), tmp_path / "a.dcm")
    read = read_header(path)
    assert words in read.left_out
    assert not read.frames
    assert not read.is_radiograph


def test_a_damaged_header_is_named(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00")
    with pytest.raises(DicomError, match=r"a\.dcm"):
        read_header(path)
