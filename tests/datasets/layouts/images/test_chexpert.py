"""CheXpert as it is published, handed out and unpacked; the images are files that nobody reads."""

import pytest

from pcrl.datasets.about import About
from pcrl.datasets.case import LayoutError
from pcrl.datasets.catalog import find
from pcrl.datasets.layouts.images.chexpert import COMPETITION, OBSERVATIONS

COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS)


def row(path, view="Frontal", label="", **labels):
    values = [labels.get(name.replace(" ", "_"), label) for name in OBSERVATIONS]
    return ",".join([path, "Female", "68", view, "AP" if view == "Frontal" else "", *values])


def write(path, *rows, columns=COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")


def published(root, prefix="CheXpert-v1.0-small"):
    write(
        root / "train.csv",
        row(f"{prefix}/train/patient00001/study1/view1_frontal.jpg", Cardiomegaly="1.0", Edema="-1.0"),
        row(f"{prefix}/train/patient00001/study2/view1_lateral.jpg", "Lateral", Fracture="0.0"),
        row(f"{prefix}/train/patient30000/study1/view1_frontal.jpg"),
    )
    write(
        root / "valid.csv",
        row(f"{prefix}/valid/patient64541/study1/view1_frontal.jpg", label="0.0", Edema="1.0"),
    )


def patients(*folders):
    for folder in folders:
        folder.mkdir(parents=True)


@pytest.mark.parametrize("inner", ["", "CheXpert-v1.0", "CheXpert-v1.0-small"])
@pytest.mark.parametrize("prefix", ["CheXpert-v1.0", "CheXpert-v1.0-small"])
def test_one_folder_whatever_it_and_the_table_call_it(tmp_path, inner, prefix):
    root = tmp_path / inner
    published(root, prefix)
    patients(root / "train/patient00001", root / "train/patient30000", root / "valid/patient64541")
    found = find("chexpert", tmp_path)
    start = f"{inner}/" if inner else ""
    assert [image.about for image in found.images[:2]] == [About(68, "female", "AP"), About(68, "female")]
    assert [image.path for image in found.images] == [
        f"{start}train/patient00001/study1/view1_frontal.jpg",
        f"{start}train/patient00001/study2/view1_lateral.jpg",
        f"{start}train/patient30000/study1/view1_frontal.jpg",
        f"{start}valid/patient64541/study1/view1_frontal.jpg",
    ]
    assert found.images[0].name == "train/patient00001/study1/view1_frontal"
    assert [image.study for image in found.images[:2]] == ["patient00001/study1", "patient00001/study2"]
    assert [image.view for image in found.images] == ["frontal", "lateral", "frontal", "frontal"]
    assert [image.split for image in found.images] == [None, None, None, "test"]
    labels = dict(zip(found.label_names, found.images[0].labels, strict=True))
    assert (labels["Cardiomegaly"], labels["Edema"], labels["Fracture"]) == (1, -1, None)
    assert found.images[1].labels[OBSERVATIONS.index("Fracture")] == 0
    assert set(COMPETITION) < set(found.label_names)
    assert (found.shares, found.notes) == ((0.05, 0.0), ())
    assert not any(image.virtual for image in found.images)


def test_paths_as_windows_writes_them(tmp_path):
    published(tmp_path, "C:\\data")
    table = tmp_path / "train.csv"
    header, _, lines = table.read_text().partition("\n")
    table.write_text(header + "\n" + lines.replace("/", "\\"))
    assert find("chexpert", tmp_path).images[0].study == "patient00001/study1"


@pytest.mark.parametrize("wrapper", ["", "chexpertchestxrays-u20210408"])
def test_the_four_batches(tmp_path, wrapper):
    root = tmp_path / wrapper
    first = root / "CheXpert-v1.0 batch 1 (validate & csv)"
    published(first, "CheXpert-v1.0")
    patients(
        first / "valid/patient64541",
        root / "CheXpert-v1.0 batch 2 (train 1)/patient00001",
        root / "CheXpert-v1.0 batch 3 (train 2)/patient30000",
    )
    found = find("chexpert", tmp_path)
    start = f"{wrapper}/" if wrapper else ""
    assert [image.path for image in found.images][::2] == [
        f"{start}CheXpert-v1.0 batch 2 (train 1)/patient00001/study1/view1_frontal.jpg",
        f"{start}CheXpert-v1.0 batch 3 (train 2)/patient30000/study1/view1_frontal.jpg",
    ]
    assert found.images[3].path.startswith(
        f"{start}CheXpert-v1.0 batch 1 (validate & csv)/valid/patient64541"
    )
    assert found.images[0].name == "train/patient00001/study1/view1_frontal"
    assert not found.notes


def test_patients_without_a_folder_stay_and_are_counted(tmp_path):
    published(tmp_path)
    patients(tmp_path / "train/patient00001", tmp_path / "valid/patient64541")
    found = find("chexpert", tmp_path)
    assert len(found.images) == 4
    assert found.images[2].path == "train/patient30000/study1/view1_frontal.jpg"
    assert found.notes == ("1 patients of the tables have no folder, the first is train/patient30000",)


def test_a_test_table_without_views(tmp_path):
    published(tmp_path)
    write(
        tmp_path / "test.csv",
        ",".join(["test/patient64741/study1/view1_frontal.jpg", *["0.0"] * 14]),
        ",".join(["CheXpert-v1.0/test/patient64741/study1/view2_lateral.jpg", *["1.0"] * 14]),
        columns=("Path", *OBSERVATIONS),
    )
    found = find("chexpert", tmp_path)
    assert [(i.view, i.split, i.patient) for i in found.images[4:]] == [
        ("frontal", "test", "patient64741"), ("lateral", "test", "patient64741"),
    ]  # fmt: skip


def test_without_its_own_test_set_one_is_kept_and_said(tmp_path):
    published(tmp_path)
    (tmp_path / "valid.csv").unlink()
    found = find("chexpert", tmp_path)
    assert found.shares == (0.1, 0.2)
    assert "neither valid.csv nor test.csv" in found.notes[0]


def test_repeated_rows(tmp_path):
    path = "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg"
    published(tmp_path)
    write(tmp_path / "train.csv", row(path, Edema="1.0"), row(path, Edema="1.0"), row(path, Edema="0.0"))
    found = find("chexpert", tmp_path)
    assert len(found.images) == 2
    assert found.images[0].labels[OBSERVATIONS.index("Edema")] == 1
    assert found.notes[0].startswith("1 rows repeat an image")
    assert "rows that differ, of which the first counts: train/patient00001" in found.notes[1]


def test_an_image_in_both_tables_is_a_test_image(tmp_path):
    path = "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg"
    published(tmp_path)
    write(tmp_path / "train.csv", row(path, label="0.0", Edema="1.0"))
    found = find("chexpert", tmp_path)
    assert [image.split for image in found.images] == ["test"]


@pytest.mark.parametrize("folder", [".", "CheXpert-v1.0-small"])
def test_marked_as_synthetic(tmp_path, folder):
    published(tmp_path / "CheXpert-v1.0-small")
    (tmp_path / folder / "SYNTHETIC.txt").touch()
    assert all(image.virtual for image in find("chexpert", tmp_path).images)


@pytest.mark.parametrize(
    ("rows", "columns", "named"),
    [
        ([row("train/patient1/study1/v.jpg", Edema="2")], COLUMNS, r"train\.csv, line 2: Edema is '2', expected 1, 0"),
        ([row("train/patient1/study1/v.jpg", "Oblique")], COLUMNS, "line 2: Frontal/Lateral is 'oblique'"),
        ([row("patient1/study1/v.jpg")], COLUMNS, "line 2: Path is 'patient1/study1/v.jpg', expected"),
        ([row("train/patient1/study1/v.jpg"), "train/pat"], COLUMNS, "line 3: found 1 cells, .* 19 columns"),
        ([], COLUMNS[:-1], "line 1: no column Support Devices; found Path, Sex"),
    ],
)  # fmt: skip
def test_bad_tables_name_the_line(tmp_path, rows, columns, named):
    write(tmp_path / "train.csv", *rows, columns=columns)
    with pytest.raises(LayoutError, match=named):
        find("chexpert", tmp_path)


def test_two_copies_are_refused(tmp_path):
    for name in ("CheXpert-v1.0", "CheXpert-v1.0-small"):
        published(tmp_path / name)
    with pytest.raises(LayoutError, match=r"more than once: CheXpert-v1\.0, CheXpert-v1\.0-small"):
        find("chexpert", tmp_path)


def test_the_wrong_tree_suggests_the_right_name(tmp_path):
    published(tmp_path / "CheXpert-v1.0")
    with pytest.raises(LayoutError, match="--layout chexpert"):
        find("chestxray", tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x/notes").touch()
    with pytest.raises(LayoutError, match=r"(?s)Expected:.*batch 4 \(train 3\).*Found: notes"):
        find("chexpert", tmp_path / "x")
