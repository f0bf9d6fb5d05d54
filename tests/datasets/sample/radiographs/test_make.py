"""Synthetic radiographs: the published layouts, marked as what they are, the same every time."""

import csv

import numpy as np
import pytest
from PIL import Image

from pcrl.datasets.catalog import find
from pcrl.datasets.layouts.images.chestxray import FINDINGS
from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS
from pcrl.datasets.sample.radiographs import make as sample_radiographs
from pcrl.datasets.sample.radiographs.chest import prepare
from pcrl.datasets.sample.radiographs.studies import draw
from pcrl.datasets.sample.radiographs.tables import chexpert_tables, paths
from tests.helpers import phantom


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    chest = prepare(phantom.chest_ct(), phantom.SPACING)
    monkeypatch.setattr(sample_radiographs, "_chest", lambda *_: chest)


def make(folder, images):
    return sample_radiographs.make(folder, images, lambda _: None)


def test_both_layouts_are_read_and_every_file_is_there(tmp_path):
    assert make(tmp_path, 41) == 41 + 4 + 4
    chexpert, chestxray = (find(name, tmp_path / name) for name in ("chexpert", "chestxray"))
    assert (len(chexpert.images), len(chestxray.images)) == (21, 20)
    for found in (chexpert, chestxray):
        assert found.notes == ()
        assert all(image.virtual for image in found.images)
        assert all((found.source / image.path).is_file() for image in found.images)
        assert {image.split for image in found.images} == {None, "test"}
        assert "not taken of patients" in (found.source / "SYNTHETIC.txt").read_text(encoding="utf-8")
    assert {image.view for image in chexpert.images} == {"frontal", "lateral"}
    inner = find("chexpert", tmp_path / "chexpert/CheXpert-v1.0-small")
    assert all(image.virtual for image in inner.images)


def test_made_again_nothing_is_written_and_more_leaves_the_first_as_they_are(tmp_path):
    make(tmp_path, 8)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    assert make(tmp_path, 8) == 0
    assert make(tmp_path, 12) > 4
    assert {path: path.read_bytes() for path in before} == before
    lost = next(iter(before))
    lost.unlink()
    assert make(tmp_path, 12) == 1
    assert lost.read_bytes() == before[lost]
    assert make(tmp_path / "none", 0) == 0
    assert not (tmp_path / "none").exists()


def test_images_are_gray_of_the_published_kind_and_say_what_they_are(tmp_path):
    make(tmp_path, 4)
    for path in (*tmp_path.rglob("*.jpg"), *tmp_path.rglob("*.png")):
        image = Image.open(path)
        assert image.mode == "L"
        assert min(image.size) in (320, 384)
        rows = image.size[1]
        mark = np.asarray(image)[rows - 8 - rows // 16 : rows - 8, 8 : rows // 3]
        assert (mark > 230).sum() > 100
        assert (mark < 25).sum() > 100


def test_labels_say_what_was_painted():
    studies = draw("chexpert", 400)
    labels = dict(zip(OBSERVATIONS, range(14), strict=True))
    rows = {
        row["Path"]: [row[name] for name in OBSERVATIONS]
        for text in chexpert_tables(studies).values()
        for row in csv.DictReader(text.splitlines())
    }
    assert len(rows) == 400
    for study in studies:
        for path in paths(study):
            effusion = rows[path][labels["Pleural Effusion"]]
            assert (effusion in ("1.0", "-1.0")) == ("effusion" in study.findings)
            assert (rows[path][labels["No Finding"]] == "1.0") == (not study.findings)
            if study.test:
                assert set(rows[path]) <= {"1.0", "0.0"}
    assert {label for row in rows.values() for label in row} == {"1.0", "0.0", "-1.0", ""}


def test_test_patients_come_from_the_other_scan(tmp_path, monkeypatch):
    dark = prepare(phantom.chest_ct(), phantom.SPACING)
    used = []
    monkeypatch.setattr(sample_radiographs, "_chest", lambda member, _: (member, dark))
    monkeypatch.setattr(
        sample_radiographs,
        "_render",
        lambda scan, study: used.append((scan[0], study.test)) or [np.zeros((4, 4), np.uint8)] * 2,
    )
    monkeypatch.setattr(sample_radiographs, "paths", lambda study: paths(study) * (2 // len(paths(study))))
    make(tmp_path, 40)
    assert set(used) == {(scan, bool(n)) for n, scan in enumerate(sample_radiographs.SCANS)}


def test_chestxray_findings_are_known(tmp_path):
    make(tmp_path, 60)
    found = find("chestxray", tmp_path / "chestxray")
    present = {FINDINGS[n] for image in found.images for n, label in enumerate(image.labels) if label}
    assert present == {"Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Nodule"}
