"""ChestX-ray14 as it is published, with and without its official split."""

import pytest

from pcrl.datasets.about import About
from pcrl.datasets.case import LayoutError
from pcrl.datasets.catalog import find
from pcrl.datasets.layouts.images.chestxray import FINDINGS

OLD = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
NEW = OLD.removesuffix(",")


def row(image, findings, follow_up=0, patient=1, view="PA", end=""):
    return f"{image},{findings},{follow_up},{patient},57,M,{view},2682,2749,0.143,0.143{end}"


def published(root, rows, table="Data_Entry_2017_v2020.csv", header=NEW):
    root.mkdir(parents=True, exist_ok=True)
    (root / table).write_text("\n".join([header, *rows]) + "\n")
    return root


@pytest.fixture
def source(tmp_path):
    rows = [
        row("00000001_000.png", "Cardiomegaly|Effusion"),
        row("00000001_001.png", "No Finding", 1, view="AP"),
        row("00000002_000.png", "Hernia", patient=2),
        row("00030805_000.png", "No Finding", patient=30805),
    ]
    for path in ("images_001/images/00000001_000.png", "images_001/images/00000001_001.png",
                 "images_012/images/00030805_000.png"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return published(tmp_path, rows)


def test_images_in_twelve_folders(source):
    (source / "test_list.txt").write_text("00030805_000.png\n")
    found = find("chestxray", source)
    assert [image.path for image in found.images] == [
        "images_001/images/00000001_000.png",
        "images_001/images/00000001_001.png",
        "images/00000002_000.png",
        "images_012/images/00030805_000.png",
    ]
    first, second, _, last = found.images
    assert (first.name, first.patient, first.study, first.view) == (
        "00000001_000", "00000001", "00000001/0", "frontal",
    )  # fmt: skip
    assert second.study == "00000001/1"
    assert (first.about, second.about) == (About(57, "male", "PA"), About(57, "male", "AP"))
    assert [FINDINGS[n] for n, label in enumerate(first.labels) if label] == ["Cardiomegaly", "Effusion"]
    assert second.labels == (0,) * 14
    assert [image.split for image in found.images] == [None, None, None, "test"]
    assert last.patient == "00030805"
    assert (found.shares, found.notes) == ((1 / 8, 0.0), ())


def test_images_in_one_folder_and_the_first_edition_of_the_table(tmp_path):
    published(tmp_path, [row("00000001_000.png", "Mass", end=",")], "Data_Entry_2017.csv", OLD)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/00000001_000.png").touch()
    assert find("chestxray", tmp_path).images[0].path == "images/00000001_000.png"


def test_without_the_official_list(source):
    found = find("chestxray", source)
    assert {image.split for image in found.images} == {None}
    assert found.shares == (0.1, 0.2)
    assert "test_list.txt is missing" in found.notes[0]


def test_lists_that_do_not_fit_are_told(source):
    (source / "test_list.txt").write_text("00030805_000.png\n00000002_000.png\n00099999_000.png\n")
    (source / "train_val_list.txt").write_text("00000001_000.png\n00000002_000.png\n")
    found = find("chestxray", source)
    assert found.images[2].split == "test"
    assert [note.split(":")[0] for note in found.notes] == [
        "1 names in the official lists are not in the table",
        "1 images are in both official lists, and count as test",
        "1 images are in neither official list, and count as training or validation",
    ]


def test_marked_as_synthetic(source):
    (source / "SYNTHETIC.txt").touch()
    assert all(image.virtual for image in find("chestxray", source).images)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (
            [row("a.png", "Mass"), row("b.png", "Mass|Flu")],
            r"line 3: Finding Labels is 'Mass\|Flu', expected",
        ),
        ([row("a.png", "No Finding|Mass")], "line 2: Finding Labels"),
        ([row("a.png", "")], "line 2: Finding Labels is ''"),
        ([row("a.png", "Mass", view="LL")], "line 2: View Position is 'LL', expected PA or AP"),
        ([row("", "Mass")], "line 2: Image Index is ''"),
        ([row("a.png", "Mass"), "b.png,Mass"], "line 3: found 2 cells"),
        ([row("a.png", "Mass"), row("a.jpg", "Mass")], "both be image a: rename one"),
    ],
)
def test_bad_rows_name_the_line(tmp_path, rows, named):
    with pytest.raises(LayoutError, match=named):
        find("chestxray", published(tmp_path, rows))


def test_a_missing_column_is_named(tmp_path):
    published(tmp_path, [], header=NEW.replace("Patient ID", "Patient"))
    with pytest.raises(LayoutError, match="no column Patient ID; found Image Index"):
        find("chestxray", tmp_path)
