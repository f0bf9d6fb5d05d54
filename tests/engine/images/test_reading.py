"""Image files of every kind become gray values of the cache."""

import numpy as np
import pydicom
import pytest
from PIL import Image

from pcrl.config import load_recipe
from pcrl.engine.errors import ReadError
from pcrl.engine.images.reading import read_picture
from tests.helpers.radiographs import picture

DATA = load_recipe("pcrlv2-2d", ["data.size=64"]).data
LARGE = load_recipe("pcrlv2-2d", ["data.size=512"]).data


def test_smaller_images_are_never_enlarged(tmp_path):
    Image.fromarray(picture(0)).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", LARGE)
    np.testing.assert_array_equal(found.values, picture(0))
    assert (found.original_shape, found.note) == ((80, 100), "")


@pytest.mark.parametrize("shape", [(300, 200), (129, 400), (64, 500)])
def test_resizing_is_that_of_pillow(tmp_path, shape):
    values = picture(1, shape)
    Image.fromarray(values).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", DATA).values
    assert max(found.shape) <= 128
    assert min(found.shape) == 64 or max(found.shape) == 128
    theirs = np.asarray(Image.fromarray(values).resize(found.shape[::-1], Image.Resampling.BILINEAR), float)
    assert np.abs(found - theirs).max() <= 1


def test_pixels_outlive_their_image(tmp_path):
    for shape in ((80, 100), (17, 1001), (16, 16)):
        values = picture(2, shape)
        Image.fromarray(values).save(tmp_path / "a.png")
        pixels = read_picture(tmp_path / "a.png", LARGE).values
        Image.new("L", (500, 500), 3)
        np.testing.assert_array_equal(pixels, values)


def save(path, values, **options):
    Image.fromarray(values).save(path, **options)
    return read_picture(path, LARGE)


def test_kinds_of_pictures(tmp_path):
    gray = picture(3)
    rgb = np.repeat(gray[..., None], 3, axis=2)
    same = save(tmp_path / "rgb.png", rgb)
    np.testing.assert_array_equal(same.values, gray)
    assert same.note == ""
    alpha = np.dstack([rgb, np.full_like(gray, 100)])
    found = save(tmp_path / "rgba.png", alpha)
    np.testing.assert_array_equal(found.values, gray)
    assert "transparency" in found.note
    coloured = rgb.copy()
    coloured[..., 0] = 255 - coloured[..., 0]
    assert "colours" in save(tmp_path / "colour.png", coloured).note
    jpeg = save(tmp_path / "a.jpg", gray, quality=95)
    assert np.abs(jpeg.values.astype(int) - gray).mean() < 4
    deep = save(tmp_path / "deep.png", gray.astype(np.uint16) * 11 + 300)
    assert "16 bits" in deep.note
    assert np.abs(deep.values - (gray.astype(float) - gray.min()) * 255 / np.ptp(gray)).max() <= 0.51


def test_sixteen_bits_are_kept(tmp_path):
    data = load_recipe("pcrlv2-2d", ["data.size=512", "data.bits=16"]).data
    values = (np.arange(8000, dtype=np.uint16).reshape(80, 100)) * 8
    Image.fromarray(values).save(tmp_path / "deep.png")
    found = read_picture(tmp_path / "deep.png", data).values
    assert found.dtype == np.uint16
    assert len(np.unique(found)) > 7000
    assert (found.min(), found.max()) == (0, 65535)


def dicom(path, values, **tags):
    """A DICOM radiograph; attributes by their keywords."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["a"])
    image = pydicom.Dataset()
    image.file_meta = meta
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.Modality, image.PhotometricInterpretation, image.SamplesPerPixel = "DX", "MONOCHROME2", 1
    image.Rows, image.Columns = values.shape
    image.BitsAllocated = 8 * values.dtype.itemsize
    image.BitsStored = tags.pop("BitsStored", image.BitsAllocated)
    image.HighBit, image.PixelRepresentation = image.BitsStored - 1, int(values.dtype.kind == "i")
    image.PixelData = values.tobytes()
    for keyword, value in tags.items():
        setattr(image, keyword, value)
    image.save_as(path, enforce_file_format=True)


def test_dicom_window_is_applied(tmp_path):
    values = np.arange(6400, dtype=np.int16).reshape(80, 80)
    dicom(tmp_path / "a.dcm", values, WindowCenter=3000, WindowWidth=2000)
    found = read_picture(tmp_path / "a.dcm", LARGE).values.astype(float)
    np.testing.assert_allclose(found, np.clip((values - 2000.0) / 2000, 0, 1) * 255, atol=0.51)


@pytest.mark.parametrize(("kind", "bits"), [(np.int16, 16), (np.uint16, 16), (np.uint16, 12), (np.uint8, 8)])
@pytest.mark.parametrize("tags", [{}, {"WindowCenter": 130, "WindowWidth": 140}])
@pytest.mark.parametrize("rescale", [{}, {"RescaleIntercept": -40, "RescaleSlope": 2}])
def test_monochrome1_is_turned_round(tmp_path, kind, bits, tags, rescale):
    values = (np.arange(6400).reshape(80, 80) % 251).astype(kind)
    path = tmp_path / "a.dcm"
    dicom(path, values, BitsStored=bits, **tags, **rescale)
    upright = read_picture(path, LARGE)
    dicom(path, values, BitsStored=bits, PhotometricInterpretation="MONOCHROME1", **tags, **rescale)
    turned = read_picture(path, LARGE)
    np.testing.assert_allclose(turned.values, 255 - upright.values.astype(int), atol=1)
    assert "MONOCHROME1" in turned.note


def test_dicom_without_a_window_goes_from_smallest_to_largest(tmp_path):
    values = np.arange(6400, dtype=np.int16).reshape(80, 80) - 500
    dicom(tmp_path / "a.dcm", values)
    found = read_picture(tmp_path / "a.dcm", LARGE).values
    assert (found.min(), found.max()) == (0, 255)


def test_a_dicom_file_that_is_damaged_is_named(tmp_path):
    path = tmp_path / "a.dcm"
    dicom(path, np.arange(6400, dtype=np.int16).reshape(80, 80))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ReadError, match=r"a\.dcm"):
        read_picture(path, LARGE)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "0 bytes"), (b"hello", "neither PNG"), (b"\x89PNG\r\n\x1a\n rest", "cannot be read|neither PNG")],
)
def test_what_is_no_image_is_named(tmp_path, content, words):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ReadError, match=words):
        read_picture(tmp_path / "a.png", DATA)


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(ReadError, match="is a folder"):
        read_picture(tmp_path, DATA)
