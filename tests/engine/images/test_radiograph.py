"""DICOM radiographs are shown as their headers say: bone bright, padding black. Pictures are turned upright."""

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pcrl.config import ImageData
from pcrl.engine.errors import ReadError
from pcrl.engine.images.reading import read_picture
from tests.helpers import dicom

WINDOW = {"WindowCenter": "2048", "WindowWidth": "4096"}


def chest(shape=(80, 64)):
    """Stored values of 12 bits with one bright square."""
    values = 1000 + np.add.outer(4 * np.arange(shape[0]), 3 * np.arange(shape[1]))
    values[10:20, 8:18] = 3700
    return values


def lut(values):
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [len(values), 0, 16])
    table.add_new("LUTData", "US", [int(value) for value in values])
    return Sequence([table])


def read(path):
    return read_picture(path, ImageData())


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        (chest(), WINDOW),
        (4095 - chest(), WINDOW | {"PhotometricInterpretation": "MONOCHROME1"}),
        (4095 - chest(), WINDOW | {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}),
        (4095 - chest(), WINDOW | {"PresentationLUTShape": "INVERSE"}),
        (chest(), {"WindowCenter": ["2048", "100"], "WindowWidth": ["4096", "50"]}),
        (4095 - chest(), {"VOILUTSequence": lut(np.linspace(65535, 0, 4096))}),
        (chest(), {"VOILUTSequence": lut(np.linspace(0, 65535, 4096))} | WINDOW),
        (4095 - chest(), {"ModalityLUTSequence": lut(np.arange(4095, -1, -1))} | WINDOW),
    ],
)  # fmt: skip
def test_the_square_is_as_bright_whatever_the_header(tmp_path, values, tags):
    picture = read(dicom.radiograph(tmp_path / "a.dcm", values, **tags))
    expected = chest() / 4095 * 255
    np.testing.assert_allclose(picture.values, expected, atol=2)


def test_a_sigmoid_window(tmp_path):
    picture = read(dicom.radiograph(tmp_path / "a.dcm", chest(), **WINDOW, VOILUTFunction="SIGMOID"))
    np.testing.assert_allclose(picture.values, 255 / (1 + np.exp(-4 * (chest() - 2048) / 4096)), atol=1)


@pytest.mark.parametrize("tags", [{}, WINDOW, WINDOW | {"PhotometricInterpretation": "MONOCHROME1"}])
def test_padding_is_black_and_does_not_stretch(tmp_path, tags):
    values = chest()
    values[:, -12:] = 4095
    picture = read(dicom.radiograph(tmp_path / "a.dcm", values, PixelPaddingValue=4095, **tags))
    assert (picture.values[:, -12:] == 0).all()
    assert "960 pixels of padding are black" in picture.note
    if not tags:
        assert picture.values[12, 10] == 255


def test_a_range_of_padding(tmp_path):
    values = chest()
    values[:5] = np.arange(5)[:, None]
    tags = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4}
    picture = read(dicom.radiograph(tmp_path / "a.dcm", values, **tags))
    assert "320 pixels of padding" in picture.note


def test_a_lut_of_rescaled_values(tmp_path):
    table = Dataset()
    table.add_new("LUTDescriptor", "SS", [4096, -1000, 16])
    table.add_new("LUTData", "US", [int(value) for value in np.linspace(0, 65535, 4096)])
    tags = {"RescaleSlope": "1", "RescaleIntercept": "-1000", "VOILUTSequence": Sequence([table])}
    picture = read(dicom.radiograph(tmp_path / "a.dcm", chest(), **tags))
    np.testing.assert_allclose(picture.values, chest() / 4095 * 255, atol=2)


def test_without_preamble(tmp_path):
    path = dicom.radiograph(tmp_path / "a.dcm", chest(), **WINDOW)
    before = read(path).values
    dicom.without_preamble(path)
    np.testing.assert_array_equal(read(path).values, before)


def test_a_file_without_pixels_is_named(tmp_path):
    path = dicom.save(
        dicom.header("1.2.840.10008.5.1.4.1.1.1.1", "DX", Rows=4, Columns=4), tmp_path / "a.dcm"
    )
    with pytest.raises(ReadError, match=r"a\.dcm.*no PixelData"):
        read(path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(tmp_path, suffix, orientation):
    upright = np.kron(np.arange(12).reshape(4, 3) * 20, np.ones((16, 16))).astype(np.uint8)
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    stored = upright
    turns = {
        2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: a.T,
        6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].T, 8: lambda a: np.rot90(a),
    }  # fmt: skip
    if orientation > 1:
        stored = turns[undo[orientation]](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    options = {"quality": 100} if suffix == "jpg" else {}
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **options)
    picture = read(path)
    np.testing.assert_allclose(picture.values.astype(int), upright, atol=4)
    assert ("EXIF" in picture.note) == (orientation > 1)
