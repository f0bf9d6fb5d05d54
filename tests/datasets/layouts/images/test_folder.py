"""`--layout folder` on radiographs: found among PNG, JPEG and DICOM, and kept apart from volumes."""

import numpy as np
import pytest

from pcrl.datasets.about import About
from pcrl.datasets.case import Dataset, LayoutError
from pcrl.datasets.catalog import find
from pcrl.datasets.image import ImageDataset
from tests.helpers import dicom as made


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def dicom(path, modality):
    import SimpleITK as sitk

    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.zeros((1, 4, 4), np.uint16))
    image.SetMetaData("0008|0060", modality)
    sitk.WriteImage(image, str(path.with_suffix(".dcm")))
    path.with_suffix(".dcm").rename(path)


def test_pictures_of_a_tree(tmp_path):
    source = tmp_path / "My Clinic"
    touch(source / "a/10.PNG", source / "a/2.png", source / "b.jpeg", source / "b.jpg", source / "notes.txt")
    found = find("folder", source)
    assert isinstance(found, ImageDataset)
    assert (found.name, found.label_names, found.shares) == ("my-clinic", (), (0.1, 0.2))
    assert [(image.name, image.path) for image in found.images] == [
        ("b.jpeg", "b.jpeg"), ("b.jpg", "b.jpg"), ("a/2", "a/2.png"), ("a/10", "a/10.PNG"),
    ]  # fmt: skip
    assert [image.patient for image in found.images] == ["b.jpeg", "b.jpg", "a/2", "a/10"]
    assert "no patients.csv" in found.notes[0]


@pytest.mark.parametrize("modality", ["CR", "DX", "RF"])
def test_dicom_radiographs_are_an_image_each(tmp_path, modality):
    dicom(tmp_path / "x/1.dcm", modality)
    dicom(tmp_path / "x/IM2", modality)
    touch(tmp_path / "x/notes.txt", tmp_path / "3.png")
    found = find("folder", tmp_path)
    assert isinstance(found, ImageDataset)
    assert sorted(image.path for image in found.images) == ["3.png", "x/1.dcm", "x/IM2"]


def test_dicom_slices_are_a_volume(tmp_path):
    made.series(tmp_path / "series")
    found = find("folder", tmp_path)
    assert isinstance(found, Dataset)
    assert [case.name for case in found.cases] == ["series"]


def test_both_kinds_in_one_tree_are_refused(tmp_path):
    touch(tmp_path / "a.nii.gz", tmp_path / "b.png")
    with pytest.raises(
        LayoutError, match=r"1 volume, such as .*a\.nii\.gz, and 1 radiograph, such as .*--kind volumes"
    ):
        find("folder", tmp_path)


def test_patients_table_joins_images(tmp_path):
    touch(tmp_path / "a/1.png", tmp_path / "a/2.png", tmp_path / "b.png")
    (tmp_path / "patients.csv").write_text("case,patient,virtual\na/1,anna,0\na/2,anna,0\nb,v1,1\n")
    found = find("folder", tmp_path)
    assert [(i.patient, i.virtual) for i in found.images] == [("v1", True), ("anna", False), ("anna", False)]
    assert found.notes == ()
    (tmp_path / "patients.csv").write_text("case,patient\nc,anna\n")
    with pytest.raises(LayoutError, match="line 2: there is no case 'c'"):
        find("folder", tmp_path)


def test_marked_as_synthetic_and_linked(tmp_path):
    touch(tmp_path / "elsewhere/1.png")
    source = tmp_path / "source"
    touch(source / "SYNTHETIC.txt")
    (source / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (source / "nowhere").symlink_to(tmp_path / "missing", target_is_directory=True)
    assert [(i.name, i.virtual) for i in find("folder", source).images] == [("link/1", True)]


def test_pictures_in_the_wrong_place_suggest_the_right_name(tmp_path):
    touch(tmp_path / "1.jpeg")
    with pytest.raises(LayoutError, match="--layout folder"):
        find("lits", tmp_path)


def test_dicom_headers_state_age_sex_and_view(tmp_path):
    values = np.arange(400).reshape(20, 20)
    dates = {"StudyDate": "20200615", "PatientBirthDate": "19800616"}
    made.radiograph(tmp_path / "a.dcm", values, PatientSex="F", ViewPosition="PA", **dates)
    made.radiograph(tmp_path / "b.dcm", values, patient="P2", PatientAge="061Y", ViewPosition="LL")
    made.radiograph(tmp_path / "c.dcm", values, patient="P3")
    images = find("folder", tmp_path).images
    assert [image.about for image in images] == [About(39, "female", "PA"), About(61), About()]
    assert [image.view for image in images] == ["frontal", "lateral", ""]
