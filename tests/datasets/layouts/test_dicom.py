"""`--layout folder` on DICOM: nobody gets lost, nobody is named, what is no scan is told."""

import os
import shutil

import numpy as np
import pytest
from pydicom.uid import EnhancedSRStorage

from pcrl.datasets.case import Dataset, LayoutError
from pcrl.datasets.catalog import find
from pcrl.datasets.image import ImageDataset
from pcrl.engine import splits
from tests.helpers import dicom


def test_five_people_in_one_folder_are_five_cases(tmp_path):
    for person in range(5):
        dicom.series(tmp_path, names=f"IM{person}" + "{:03}", series=f"s{person}", patient=f"P{person}")
    found = find("folder", tmp_path)
    assert isinstance(found, Dataset)
    assert len({case.name for case in found.cases}) == 5
    assert len({case.patient for case in found.cases}) == 5
    assert all(case.patient.startswith("p-") and "P0" not in case.name for case in found.cases)
    assert all(len(case.stack.frames) == 12 for case in found.cases)


def test_names_do_not_change_when_a_further_series_comes(tmp_path):
    for series in ("a", "b"):
        dicom.series(tmp_path, names=series + "{:03}", series=series)
    before = {case.name for case in find("folder", tmp_path).cases}
    dicom.series(tmp_path, names="c{:03}", series="c")
    assert before < {case.name for case in find("folder", tmp_path).cases}


def test_studies_of_a_person_are_on_one_side(tmp_path):
    for study in range(6):
        dicom.series(tmp_path / f"study{study}", series=f"s{study}", patient=f"P{study % 2}")
    found = find("folder", tmp_path)
    assert [case.name for case in found.cases] == [f"study{n}" for n in range(6)]
    assert len({case.patient for case in found.cases}) == 2
    sides, _ = splits.assign(found.cases)
    assert len({sides[f"study{n}"] for n in (0, 2, 4)}) == len({sides[f"study{n}"] for n in (1, 3, 5)}) == 1
    assert found.secret


def test_people_have_one_name_in_volumes_and_radiographs(tmp_path):
    dicom.series(tmp_path / "ct/a", patient="P7")
    dicom.radiograph(tmp_path / "dx/a.dcm", np.arange(400).reshape(20, 20), patient="P7")
    (case,), (image,) = find("folder", tmp_path / "ct").cases, find("folder", tmp_path / "dx").images
    assert case.patient == image.patient
    assert image.study.startswith(f"{image.patient}/")


def test_patients_csv_goes_before_the_header(tmp_path):
    for name in "ab":
        dicom.series(tmp_path / name, series=name, patient="P1")
    (tmp_path / "patients.csv").write_text("case,patient\na,anna\n")
    first, second = find("folder", tmp_path).cases
    assert first.patient == "anna"
    assert second.patient.startswith("p-")


def test_placeholders_are_told_and_a_study_stays_together(tmp_path):
    for name in "abc":
        study = dicom.uid("study of a and b" if name in "ab" else "study of c")
        dicom.series(tmp_path / name, series=name, patient="ANONYMOUS", StudyInstanceUID=study)
    found = find("folder", tmp_path)
    assert found.cases[0].patient == found.cases[1].patient != found.cases[2].patient == "c"
    assert "placeholder" in found.notes[-1]
    assert "patients.csv" in found.notes[-1]


def test_radiographs_of_a_study_stay_together(tmp_path):
    for n in range(3):
        study = dicom.uid("study", n // 2)
        dicom.radiograph(
            tmp_path / f"{n}.dcm", np.arange(400).reshape(20, 20), patient="", StudyInstanceUID=study
        )
    first, second, third = find("folder", tmp_path).images
    assert first.patient == second.patient != third.patient == "2"
    assert "PatientID is empty" in find("folder", tmp_path).notes[-1]


def test_what_is_no_scan_is_told(tmp_path):
    dicom.series(tmp_path / "a")
    dicom.save(dicom.header(EnhancedSRStorage, "SR"), tmp_path / "a/report.dcm")
    dicom.series(tmp_path / "scout", dicom.body()[:2], series="scout")
    for name in ("1.txt", "2.txt", "3.txt", "4.txt", "DICOMDIR"):
        (tmp_path / "a" / name).write_text("hello")
    found = find("folder", tmp_path)
    assert [case.name for case in found.cases] == ["a"]
    assert any("Enhanced SR Storage holds no image: 1 DICOM" in note for note in found.notes)
    assert any("too few for a volume" in note and ": 2 DICOM" in note for note in found.notes)
    assert found.unreadable == ()


def test_a_tree_of_reports_alone_says_what_it_is(tmp_path):
    dicom.save(dicom.header(EnhancedSRStorage, "SR"), tmp_path / "report.dcm")
    with pytest.raises(LayoutError, match="Enhanced SR Storage holds no image"):
        find("folder", tmp_path)


def test_both_kinds_in_one_tree_are_taken_by_choice(tmp_path):
    dicom.series(tmp_path / "ct")
    for n in range(2):
        dicom.radiograph(tmp_path / f"dx/{n}.dcm", np.arange(400).reshape(20, 20))
    with pytest.raises(LayoutError, match=r"1 volume, .* and 2 radiographs.*--kind volumes"):
        find("folder", tmp_path)
    volumes, images = find("folder", tmp_path, "volumes"), find("folder", tmp_path, "radiographs")
    assert isinstance(volumes, Dataset)
    assert isinstance(images, ImageDataset)
    assert any("2 radiographs passed over" in note for note in volumes.notes)
    assert any("1 volume passed over" in note for note in images.notes)
    with pytest.raises(LayoutError, match="No radiographs there"):
        find("folder", tmp_path / "ct", "radiographs")
    with pytest.raises(LayoutError, match="--layout folder"):
        find("lits", tmp_path, "volumes")


def test_radiographs_among_pictures_are_found(tmp_path):
    for n in range(4):
        (tmp_path / f"{n}.png").touch()
    dicom.radiograph(tmp_path / "z", np.arange(400).reshape(20, 20))
    assert [image.path for image in find("folder", tmp_path).images][-1] == "z"


def test_what_cannot_be_read_is_listed(tmp_path, monkeypatch):
    dicom.series(tmp_path / "a")
    (tmp_path / "a/broken.dcm").write_bytes(b"no DICOM")
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find("folder", tmp_path)
    assert [one.name for one in found.unreadable] == ["closed", "a/broken.dcm"]
    assert "Permission denied" in found.unreadable[0].reason


def test_a_series_in_two_folders_is_one_case_and_a_copy_is_none(tmp_path):
    folder = dicom.series(tmp_path / "a")
    (tmp_path / "b").mkdir()
    for n in range(6, 12):
        (folder / f"{n:03}.dcm").rename(tmp_path / f"b/{n:03}.dcm")
    found = find("folder", tmp_path)
    assert [(case.name, len(case.stack.frames)) for case in found.cases] == [("a", 12)]
    assert "1 more folder" in found.notes[0]
    for path in (tmp_path / "b").iterdir():
        shutil.copy(path, folder)
    shutil.rmtree(tmp_path / "b")
    shutil.copytree(folder, tmp_path / "c")
    found = find("folder", tmp_path)
    assert [case.name for case in found.cases] == ["a"]
    assert "copy" in found.notes[0]


def test_people_of_the_same_identifiers_are_no_copies(tmp_path):
    for name in "ab":
        dicom.series(tmp_path / name, dicom.body() + "ab".index(name), patient="ANONYMOUS")
    assert [case.name for case in find("folder", tmp_path).cases] == ["a", "b"]


def test_slices_beside_a_converted_scan_are_passed_over(tmp_path):
    dicom.series(tmp_path / "a")
    (tmp_path / "a/scan.nii.gz").touch()
    found = find("folder", tmp_path)
    assert [case.name for case in found.cases] == ["a-scan"]
    assert "12 slices beside" in found.notes[0]


def test_notes_on_folders_are_counted_and_not_repeated(tmp_path):
    for n in range(5):
        dicom.series(tmp_path / f"several{n}/a", series=f"{n}a", names="a{:03}.dcm")
        dicom.series(tmp_path / f"several{n}/a", series=f"{n}b", names="b{:03}.dcm")
    notes = find("folder", tmp_path).notes
    assert sum("several volumes" in note for note in notes) == 1
    (note,) = (note for note in notes if "several volumes" in note)
    assert note.startswith("5 folders with several volumes, each of which is a case: ")
    assert note.endswith("and 2 more")
