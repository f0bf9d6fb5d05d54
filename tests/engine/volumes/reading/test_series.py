"""A DICOM stack is read as it lies in the patient, or refused by name."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.reader import open_image, read
from pcrl.engine.volumes.reading.writer import write_like
from tests.helpers import dicom


def bright(scan, above=600):
    """LPS of the middle of the block."""
    index = np.argwhere(scan.values > above).mean(axis=0)
    spacing, origin = np.array(scan.grid.spacing), np.array(scan.grid.origin)
    return (origin + np.array(scan.grid.direction) @ (spacing * index))[::-1]


def refused(path, words):
    with pytest.raises(ReadError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_series_is_where_its_header_says(tmp_path):
    scan = read(dicom.series(tmp_path / "s"))
    np.testing.assert_array_equal(scan.values, dicom.body())
    assert (scan.modality, scan.values.dtype, scan.notes) == ("ct", np.int16, ())
    np.testing.assert_allclose(bright(scan), dicom.BRIGHT.lps)


def test_names_say_nothing_of_the_order(tmp_path):
    folder = tmp_path / "s"
    for index, one in enumerate(dicom.body()):
        name = f"{(index * 7) % 12}.dcm"
        dicom.save(dicom.ct_slice(one, 12 - index, dicom.position(index)), folder / name)
    np.testing.assert_array_equal(read(folder).values, dicom.body())


def tilted(folder, degrees):
    angle = np.deg2rad(degrees)
    return dicom.series(
        folder, orientation=(1, 0, 0, 0, np.cos(angle), np.sin(angle)), GantryDetectorTilt=str(degrees)
    )


@pytest.mark.parametrize("degrees", [20, -15])
def test_a_tilted_gantry_is_straightened(tmp_path, degrees):
    scan = read(tilted(tmp_path / "s", degrees))
    angle = np.deg2rad(degrees)
    z, y, x = dicom.BRIGHT.index
    down = np.array([0, np.cos(angle), np.sin(angle)])
    lps = np.array(dicom.position(z)) + x * dicom.PIXEL * np.array([1, 0, 0]) + y * dicom.PIXEL * down
    np.testing.assert_allclose(bright(scan), lps, atol=0.5)
    assert "gantry tilt" in scan.notes[0]
    assert scan.grid.spacing[0] == pytest.approx(dicom.STEP * np.cos(angle))
    # Nothing of the stack lies outside the new grid.
    assert scan.values[scan.values > 600].size >= 20


def test_what_belongs_to_a_tilted_stack_is_written_on_its_straight_grid(tmp_path):
    folder = tilted(tmp_path / "s", 20)
    scan = read(folder)
    write_like((scan.values > 600).astype(np.uint8), folder, tmp_path / "mask.nii.gz")
    mask = read(tmp_path / "mask.nii.gz")
    assert mask.grid.matches(scan.grid)
    np.testing.assert_array_equal(mask.values, scan.values > 600)


def test_a_tilt_that_only_the_header_states_is_told(tmp_path):
    scan = read(dicom.series(tmp_path / "s", GantryDetectorTilt="12"))
    np.testing.assert_array_equal(scan.values, dicom.body())
    assert "gantry tilt of 12" in scan.notes[0]


def test_slope_and_intercept_are_those_of_each_slice(tmp_path):
    for index, one in enumerate(dicom.body()):
        intercept, slope = (-1024, 1) if index % 2 else (-2000, 0.5)
        made = dicom.ct_slice(one, index, dicom.position(index), slope=slope, intercept=intercept)
        dicom.save(made, tmp_path / f"s/{index}.dcm")
    scan = read(tmp_path / "s")
    np.testing.assert_allclose(scan.values, dicom.body())
    assert "2 ways" in scan.notes[0]


def test_signed_and_unsigned_slices_of_one_series(tmp_path):
    for index, one in enumerate(dicom.body()):
        made = dicom.ct_slice(one, index, dicom.position(index))
        if index % 2:
            dicom.put_pixels(made, one.astype(np.int16))
            made.RescaleIntercept = "0"
        dicom.save(made, tmp_path / f"s/{index}.dcm")
    np.testing.assert_array_equal(read(tmp_path / "s").values, dicom.body())


def test_twelve_bits_with_a_sign(tmp_path):
    for index, one in enumerate(dicom.body()):
        made = dicom.ct_slice(one, index, dicom.position(index), intercept=0)
        dicom.put_pixels(made, one & 0x0FFF, bits=12)
        assert made.PixelRepresentation == 1
        dicom.save(made, tmp_path / f"s/{index}.dcm")
    np.testing.assert_array_equal(read(tmp_path / "s").values, dicom.body())


def test_padding_is_never_bright(tmp_path):
    for index, one in enumerate(dicom.body()):
        made = dicom.ct_slice(one, index, dicom.position(index))
        stored = (one + 1024).astype(np.uint16)
        stored[:, :3] = 63536
        dicom.put_pixels(made, stored)
        made.add_new("PixelPaddingValue", "US", 63536)
        dicom.save(made, tmp_path / f"s/{index}.dcm")
    expected = dicom.body()
    expected[:, :, :3] = -1000
    np.testing.assert_array_equal(read(tmp_path / "s").values, expected)


def test_slice_location_tells_where_no_position_does(tmp_path):
    for index, one in enumerate(dicom.body()):
        made = dicom.ct_slice(one, index, None, SliceLocation=str(-60 + 5.0 * index))
        dicom.save(made, tmp_path / f"s/{index}.dcm")
    scan = read(tmp_path / "s")
    assert scan.grid.spacing[0] == pytest.approx(5)
    assert scan.grid.origin[0] == pytest.approx(-60)
    assert "SliceLocation" in scan.notes[0]


def test_slices_of_unknown_position_are_refused(tmp_path):
    for index, one in enumerate(dicom.body()):
        dicom.save(dicom.ct_slice(one, index, None), tmp_path / f"s/{index}.dcm")
    refused(tmp_path / "s", "12 of 12 slices have no ImagePositionPatient")


@pytest.mark.parametrize(
    ("skip", "words"), [((5,), "a slice is missing"), ((5, 6, 7), "3 slices are missing")]
)
def test_missing_slices_are_named(tmp_path, skip, words):
    refused(dicom.series(tmp_path / "s", skip=skip), words)


def test_a_little_unevenness_is_evened_and_said(tmp_path):
    for index, one in enumerate(dicom.body()):
        x, y, z = dicom.position(index)
        dicom.save(dicom.ct_slice(one, index, (x, y, z + 0.08 * (index % 2))), tmp_path / f"s/{index}.dcm")
    assert "uneven" in read(tmp_path / "s").notes[0]


def test_a_slice_beside_the_others_is_refused(tmp_path):
    for index, one in enumerate(dicom.body()):
        x, y, z = dicom.position(index)
        dicom.save(dicom.ct_slice(one, index, (x + 9 * (index == 4), y, z)), tmp_path / f"s/{index}.dcm")
    refused(tmp_path / "s", "slice 5 of 12")


def test_identical_slices_are_dropped_and_different_ones_refused(tmp_path):
    folder = dicom.series(tmp_path / "s")
    (folder / "copy.dcm").write_bytes((folder / "004.dcm").read_bytes())
    scan = read(folder)
    np.testing.assert_array_equal(scan.values, dicom.body())
    assert "1 slice identical" in scan.notes[0]
    dicom.save(dicom.ct_slice(dicom.body()[4] + 1, 5, dicom.position(4)), folder / "copy.dcm")
    refused(folder, "2 different slices lie at one place")


def test_files_without_preamble_and_other_files_between(tmp_path):
    folder = dicom.series(tmp_path / "s", names="I{:03}")
    for path in sorted(folder.iterdir()):
        dicom.without_preamble(path)
    for name in ("1.txt", "2.txt", "A", "LICENSE"):
        (folder / name).write_text("nothing to see here " * 20)
    np.testing.assert_array_equal(read(folder).values, dicom.body())


def test_frames_of_one_file_with_scales_of_their_own(tmp_path):
    stored = (dicom.body() + 1000).astype(np.uint16)
    frames = [
        {"values": stored[n] // (1 + n % 2), "place": dicom.position(n), "slope": 1 + n % 2}
        for n in range(12)
    ]
    scan = read(dicom.enhanced(tmp_path / "a.dcm", frames[::-1]))
    np.testing.assert_allclose(scan.values, stored, atol=1)
    assert scan.modality == "mr"
    np.testing.assert_allclose(bright(scan, 1500), dicom.BRIGHT.lps)


def number(value):
    return {"FrameContentSequence": dicom.group(InStackPositionNumber=value)}


@pytest.mark.parametrize("how", ["no groups", "shared", "numbered", "nuclear"])
def test_frames_without_positions_lie_where_the_first_and_the_spacing_put_them(tmp_path, how):
    values, more = dicom.body(), {}
    if how == "shared":
        more = {"shared": {"PlanePositionSequence": dicom.group(ImagePositionPatient=[-10, -20, -30])}}
        more["per_frame"] = [{}] * 12
    elif how == "numbered":
        order = np.random.default_rng(0).permutation(12)
        values, more = values[order], {"per_frame": [number(int(place) + 1) for place in order]}
    elif how == "nuclear":
        # From the last slice down.
        values = values[::-1]
        place = dicom.item(
            ImagePositionPatient=list(dicom.position(11)), ImageOrientationPatient=list(dicom.AXIAL)
        )
        more = {
            "Modality": "NM", "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
            "DetectorInformationSequence": dicom.Sequence([place]), "SpacingBetweenSlices": str(-dicom.STEP),
        }  # fmt: skip
    scan = read(dicom.counted(tmp_path / "a.dcm", values, **more))
    np.testing.assert_array_equal(scan.values, dicom.body())
    np.testing.assert_allclose(bright(scan), dicom.BRIGHT.lps)
    assert "frames state no position of their own" in scan.notes[0]


@pytest.mark.parametrize(
    "more",
    [
        {"SpacingBetweenSlices": None, "SliceThickness": "2"}, {"SpacingBetweenSlices": "0"},
        {"SpacingBetweenSlices": "-2"}, {"ImageOrientationPatient": None}, {"ImagePositionPatient": None},
        {"Modality": "NM", "ImageType": ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]},
        {"per_frame": [{"MREchoSequence": dicom.group(EffectiveEchoTime=float(n % 2))} for n in range(12)]},
        {"per_frame": [number(n + 1) if n else {} for n in range(12)]},
        {"per_frame": [number(n // 2 + 1) for n in range(12)]},
        {"per_frame": [{"PlanePositionSequence": dicom.group(ImagePositionPatient=[0, 0, 0])}] + [{}] * 11},
    ],
    ids=str,
)  # fmt: skip
def test_frames_whose_places_the_file_does_not_state_are_refused(tmp_path, more):
    path = dicom.counted(tmp_path / "a.dcm", dicom.body(), **more)
    file = pydicom.dcmread(path)
    for keyword, value in more.items():
        if value is None and keyword in file:
            del file[keyword]
    file.save_as(path)
    refused(
        path, r"of 1\d frames have no ImagePositionPatient of their own|different slices lie at one place"
    )


def test_several_stacks_are_refused_where_one_is_expected(tmp_path):
    dicom.series(tmp_path / "s")
    dicom.series(tmp_path / "s", names="b{:03}", series="other")
    refused(tmp_path / "s", "2 DICOM series or stacks")


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_compressed_slices_are_those_that_were_stored(tmp_path, compressor):
    folder = dicom.series(tmp_path / "s")
    for path in folder.iterdir():
        image = sitk.GetImageFromArray(pydicom.dcmread(path).pixel_array[None])
        sitk.WriteImage(image, str(tmp_path / "compressed.dcm"), True, compressor=compressor)
        compressed, file = pydicom.dcmread(tmp_path / "compressed.dcm"), pydicom.dcmread(path)
        file.file_meta.TransferSyntaxUID = compressed.file_meta.TransferSyntaxUID
        assert file.file_meta.TransferSyntaxUID.is_compressed
        file.PixelData = compressed.PixelData
        file["PixelData"].is_undefined_length = True
        file.save_as(path)
    assert read(folder).values.shape == dicom.SHAPE
    np.testing.assert_array_equal(read(folder).values, dicom.body())
    assert open_image(folder).GetSize() == dicom.SHAPE[::-1]


def test_truncated_pixels_are_named(tmp_path):
    folder = dicom.series(tmp_path / "s")
    path = folder / "004.dcm"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ReadError, match=r"004\.dcm.*cannot be read"):
        read(folder)
