"""DICOM series in the cache: by patient, never by its ID, and again when one of its files changes."""

import numpy as np
import pydicom
import pytest

from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.volumes.records import CASE_RECORD, DATASET_RECORD, CaseRecord, DatasetRecord
from pcrl.engine.ingest import ingest
from pcrl.engine.progress import Progress
from pcrl.engine.splits import split_of
from tests.helpers import dicom


@pytest.fixture
def source(tmp_path):
    """Two people in one folder, of one of them a slice is missing."""
    folder = tmp_path / "hospital"
    person = {"PatientSex": "F", "StudyDate": "20200615", "PatientBirthDate": "19800616"}
    dicom.series(folder, names="a{:03}", series="a", patient="Doe-4711", **person)
    dicom.series(folder, names="b{:03}", series="b", patient="Roe-0815", skip=(6,))
    (folder / "broken.dcm").write_bytes(b"no DICOM")
    return folder


def run(source, tmp_path, progress=None):
    return ingest("folder", source, cache=tmp_path / "cache", workers=1, recipe="cpu-3d", progress=progress)


@pytest.mark.slow
def test_series_in_the_cache(source, tmp_path):
    report = run(source, tmp_path)
    assert len(report.stored) == 1
    assert sorted(one.name for one in report.failed)[0] == "broken.dcm"
    assert any("a slice is missing" in one.error for one in report.failed)
    record = read_record(DatasetRecord, report.folder / DATASET_RECORD)
    assert len({entry.patient for entry in record.cases.values()}) == 2
    for path in (tmp_path / "cache").rglob("*.json"):
        assert not any(word in path.read_text() for word in ("4711", "19800616", "20200615"))
    case = read_record(CaseRecord, report.folder / "cases" / report.stored[0].name / CASE_RECORD)
    assert case.original_grid.shape == dicom.SHAPE
    assert (case.age, case.sex) == (39, "female")
    # Completed, the other series is read, and this one is not read again.
    dicom.series(source, names="b{:03}", series="b", patient="Roe-0815")
    (source / "broken.dcm").unlink()
    report = run(source, tmp_path)
    assert (report.already_cached, len(report.stored), report.failed) == (1, 1, ())
    # That a case changes its split is told.
    case, was = next(iter(read_record(DatasetRecord, report.folder / DATASET_RECORD).cases.items()))
    other = next(name for name in map(str, range(100)) if split_of(name) != was.split)
    (source / "patients.csv").write_text(f"case,patient\n{case},{other}\n")
    notes = []
    watch = Progress()
    watch.note = notes.append
    run(source, tmp_path, watch)
    assert any(
        f"1 of what was in the cache before, such as {case}, change their split" in note for note in notes
    )


def test_radiographs_are_of_their_patients_too(tmp_path):
    for n in range(4):
        dicom.radiograph(
            tmp_path / f"dx/{n}.dcm", np.arange(6400).reshape(80, 80) + n, patient=f"Doe-{n % 2}"
        )
    notes = []
    watch = Progress()
    watch.note = notes.append
    report = ingest("folder", tmp_path / "dx", cache=tmp_path / "cache", progress=watch)
    table = CachedImages.open(report.folder).table
    assert len(set(table.patients)) == 2
    assert "Doe" not in (report.folder / "table.csv").read_text()
    assert notes == []
    other = next(name for name in map(str, range(100)) if split_of(name) != table.splits[0])
    (tmp_path / "dx/patients.csv").write_text(f"case,patient\n0,{other}\n")
    ingest("folder", tmp_path / "dx", cache=tmp_path / "cache", progress=watch)
    assert "1 of what was in the cache before, such as 0, change their split" in notes[0]


def test_another_secret_is_refused(source, tmp_path, monkeypatch):
    run(source, tmp_path)
    monkeypatch.setenv("PCRL_SECRET", "another secret of the tests")
    with pytest.raises(CacheError, match="another secret"):
        run(source, tmp_path)


DAMAGES = {
    "rows": ({"Rows": 32}, "its header announces"),
    "columns": ({"Columns": 10}, "its header announces"),
    "both": ({"Rows": 10, "Columns": 16}, "its header announces"),
    "none": ({"Rows": 0}, "expected numbers above 0"),
    "bits": ({"BitsAllocated": 8, "BitsStored": 8}, "its header announces"),
    "tiny": ({"PixelSpacing": ["1e-30", "1e-30"]}, "expected 0.02 to 50 mm"),
    "vast": ({"PixelSpacing": ["1e30", "1e30"]}, "expected at most 5000 mm"),
}


def test_a_header_that_is_not_that_of_its_pixels_is_refused(tmp_path):
    for name, (tags, _) in DAMAGES.items():
        for path in dicom.series(tmp_path / "scans" / name, series=name, patient=name).iterdir():
            file = pydicom.dcmread(path)
            for keyword, value in tags.items():
                setattr(file, keyword, value)
            file.save_as(path)
    for path in sorted(dicom.series(tmp_path / "scans/far", series="far", patient="far").iterdir())[-1:]:
        file = pydicom.dcmread(path)
        file.ImagePositionPatient = ["0", "0", "1e300"]
        file.save_as(path)
    dicom.series(tmp_path / "scans/good", series="other")
    report = ingest("folder", tmp_path / "scans", cache=tmp_path / "cache", recipe="cpu-3d", workers=2)
    assert [one.name for one in report.stored] == ["good"]
    told = {one.name: one.error for one in report.failed}
    assert told.keys() == {*DAMAGES, "far"}
    for name, (_, said) in DAMAGES.items():
        assert said in told[name], told[name]
    assert not any("Error:" in error for error in told.values())
