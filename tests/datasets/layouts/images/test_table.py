"""Anyone's own table: what its columns stand for, and what cannot be meant."""

import pytest

from pcrl.datasets.about import About
from pcrl.datasets.case import LayoutError
from pcrl.datasets.layouts.images.table import find


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def table(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "My Hospital.csv"
    path.write_text(text, encoding=encoding)
    return path


FULL = """\
File Name,Patient_ID,study,View,split,age,Effusion,Mass,comment
a/1.png,anna,s1,PA,train,50,1,0.0,
a/2.png,anna,s2,lateral,train,51,-1,,
b/1.png,bert,s1,oblique,TEST,52,,1,
c.dcm,carl,,,,53,0,0,
"""


def test_columns_are_recognised(tmp_path, images):
    found = find(table(tmp_path, FULL), images)
    assert (found.name, found.label_names, found.shares) == ("my-hospital", ("Effusion", "Mass"), (0.1, 0.2))
    assert [(i.name, i.path, i.patient, i.study, i.view, i.split, i.labels) for i in found.images] == [
        ("a/1", "a/1.png", "anna", "anna/s1", "frontal", "train", (1, 0)),
        ("a/2", "a/2.png", "anna", "anna/s2", "lateral", "train", (-1, None)),
        ("b/1", "b/1.png", "bert", "bert/s1", "", "test", (None, 1)),
        ("c", "c.dcm", "carl", "c", "", None, (0, 0)),
    ]
    assert [image.about for image in found.images] == [
        About(50, "", "PA"), About(51), About(52), About(53),
    ]  # fmt: skip
    assert found.notes[0].endswith("skipped: comment (empty)")
    assert "oblique" in found.notes[1]
    assert len(found.notes) == 2
    assert find(table(tmp_path, FULL), images, name="mine").name == "mine"


def test_without_patients_each_image_is_one_and_it_is_said(tmp_path, images):
    found = find(table(tmp_path, "image,Mass\n1.png,1\n2.png,0\n"), images)
    assert [image.patient for image in found.images] == ["1", "2"]
    assert "each image counts as a patient of its own" in found.notes[0]


def test_a_patient_column_can_be_given(tmp_path, images):
    text = "image,mrn,Mass\n1.png,7,1\n2.png,7,0\n"
    found = find(table(tmp_path, text), images, patient_column="mrn")
    assert [image.patient for image in found.images] == ["7", "7"]
    with pytest.raises(LayoutError, match="no column 'subject'; found image, mrn, Mass"):
        find(table(tmp_path, text), images, patient_column="subject")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_a_byte_order_mark_and_empty_lines(tmp_path, images, separator):
    text = "path,Mass\n\n1.png,1\n , \n2.png,0\n".replace(",", separator)
    found = find(table(tmp_path, text, "utf-8-sig"), images)
    assert [image.labels for image in found.images] == [(1,), (0,)]


def test_paths_that_are_absolute_or_from_windows(tmp_path, images):
    found = find(table(tmp_path, f"path,Mass\n{images}/a/1.png,1\na\\2.png,0\n"), images)
    assert [image.path for image in found.images] == ["a/1.png", "a/2.png"]


def pictures(images, *names):
    for name in names:
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).touch()


def paths(tmp_path, images, text):
    return [image.path for image in find(table(tmp_path, text), images).images]


def test_names_without_their_suffix_or_folder(tmp_path, images):
    pictures(images, "1.png", "a/2.dicom", "b/3.jpg")
    assert paths(tmp_path, images, "image_id,Mass\n1,1\na/2,0\n3,1\n") == ["1.png", "a/2.dicom", "b/3.jpg"]
    assert paths(tmp_path, images, "image,Mass\n3.jpg,1\nmissing,0\n") == ["b/3.jpg", "missing"]


def test_a_name_that_two_images_have_is_refused(tmp_path, images):
    pictures(images, "a/1.png", "b/1.png", "2.png", "2.jpg")
    for name in ("1", "2"):
        with pytest.raises(
            LayoutError, match=r"line 2: image is '\d', and .* are called so: give the path of one"
        ):
            find(table(tmp_path, f"image,Mass\n{name},1\n"), images)


def test_paths_of_another_machine_are_taken_from_the_folder_on(tmp_path, images):
    pictures(images, "1.png", "a/2.png")
    text = "path,Mass\nC:\\data\\1.png,1\n/home/x/data/a/2.png,0\n\\\\server\\share\\a\\2.png,0\n"
    with pytest.raises(LayoutError, match=r"line 4: .* both come to a/2.png"):
        find(table(tmp_path, text), images)
    found = find(table(tmp_path, text.rsplit("\n", 2)[0] + "\n"), images)
    assert [image.path for image in found.images] == ["1.png", "a/2.png"]
    assert "the paths of 2 rows start from a folder that is not here" in found.notes[-1]


def test_a_table_that_names_images_by_patients(tmp_path, images):
    pictures(images, "p1.dcm", "p2.dcm")
    text = "patientId,x,Target\np1,10.5,1\np1,20.5,1\np2,,0\n"
    found = find(table(tmp_path, text), images)
    assert [(image.path, image.patient, image.labels) for image in found.images] == [
        ("p1.dcm", "p1", (1,)), ("p2.dcm", "p2", (0,)),
    ]  # fmt: skip


def test_names_of_classes_are_labels(tmp_path, images):
    text = "image,label\n1.png,normal\n2.png,pneumonia\n3.png,covid\n4.png,\n"
    found = find(table(tmp_path, text), images)
    assert found.label_names == ("covid", "pneumonia")
    assert [image.labels for image in found.images] == [(0, 0), (0, 1), (1, 0), (None, None)]
    assert (
        "column label holds classes, each of which is a label: covid, pneumonia; normal counts as none"
        in found.notes[0]
    )
    two = find(table(tmp_path, "image,class\n1.png,left\n2.png,right\n"), images)
    assert two.label_names == ("left", "right")


def test_classes_of_an_image_over_several_rows_and_in_one_cell(tmp_path, images):
    text = "image_id,class_name,x\n1.png,Nodule,5\n1.png,Mass,7\n2.png,No finding,\n3.png,Mass|Nodule,1\n"
    found = find(table(tmp_path, text), images)
    assert found.label_names == ("Mass", "Nodule")
    assert [image.labels for image in found.images] == [(1, 1), (0, 0), (1, 1)]


@pytest.mark.parametrize("column", ["comment", "label"])
def test_text_that_is_no_class_is_skipped(tmp_path, images, column):
    rows = "".join(f"{n}.png,{n % 2},{'text' if column == 'comment' else n}\n" for n in range(60))
    assert find(table(tmp_path, f"image,Mass,{column}\n{rows}"), images).label_names == ("Mass",)


def test_names_stay_unique(tmp_path, images):
    found = find(table(tmp_path, "path,Mass\n1.png,1\n1.jpg,0\n2.png,0\n"), images)
    assert [image.name for image in found.images] == ["1.png", "1.jpg", "2"]


def test_repeated_rows_and_the_stricter_split(tmp_path, images):
    text = "path,split,Mass\n" + "1.png,train,1\n" * 3 + "1.png,test,1\n2.png,train,0\n2.png,train,1\n"
    found = find(table(tmp_path, text), images)
    assert [(i.path, i.split, i.labels) for i in found.images] == [
        ("1.png", "test", (1,)), ("2.png", "train", (0,)),
    ]  # fmt: skip
    assert found.notes[-2:] == (
        "2 rows repeat an image with the same content and were skipped",
        "2 images have rows that differ, of which the first counts: 1.png, 2.png",
    )


def test_marked_as_synthetic(tmp_path, images):
    (images / "SYNTHETIC.txt").touch()
    assert find(table(tmp_path, "path,Mass\n1.png,1\n"), images).images[0].virtual


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("picture,Mass\n1.png,1\n", "no column names the image; found picture, Mass. Call it one of path"),
        ("path,Mass\n1.png,2\n", r"no column is a label.* Found Mass \('2' in line 2\)"),
        ("path\n1.png\n", "no column is a label.* Found no other column"),
        ("path,Mass\n", r"no column is a label.* Found Mass \(empty\)"),
        ("path,Mass\n,1\n", "line 2: path is ''"),
        (
            "path,Mass\n/elsewhere/1.png,1\n",
            "line 2: path is '/elsewhere/1.png', expected the path of an image in",
        ),
        ("path,Mass\n../1.png,1\n", "line 2: path is"),
        ("path,patient,Mass\n1.png,,1\n", "line 2: patient is empty"),
        (
            "path,split,Mass\n1.png,holdout,1\n",
            "line 2: split is 'holdout', expected train, val, test or nothing",
        ),
        ("path,Mass\n1.png,1\n2.png\n", "line 3: found 1 cells, the first line names 2 columns"),
        ("path,Mass,Mass\n1.png,1,1\n", "line 1: column Mass is there twice"),
        ("", "no first line"),
    ],
)
def test_bad_tables_are_named(tmp_path, images, text, named):
    with pytest.raises(LayoutError, match=named):
        find(table(tmp_path, text), images)


def test_files_that_are_no_tables(tmp_path, images):
    with pytest.raises(LayoutError, match="does not exist"):
        find(tmp_path / "none.csv", images)
    with pytest.raises(LayoutError, match="not UTF-8"):
        find(table(tmp_path, "path,Größe\n1.png,1\n", "latin-1"), images)
    with pytest.raises(LayoutError, match="nowhere does not exist"):
        find(table(tmp_path, "path,Mass\n1.png,1\n"), tmp_path / "nowhere")


def test_age_sex_and_projection_by_the_names_that_tables_give_them(tmp_path, images):
    text = (
        "ImageID,PatientSex_DICOM,Patient Age,Projection,Mass\n"
        "1.png,F,058Y,AP_horizontal,1\n2.png,M,411,L,0\n3.png,?,7,,0\n"
    )
    found = find(table(tmp_path, text), images)
    assert found.label_names == ("Mass",)
    assert [image.about for image in found.images] == [
        About(58, "female", "AP"), About(None, "male"), About(7),
    ]  # fmt: skip
    assert any(
        "1 cell of the column for age not understood, and so not stated: '411'" in n for n in found.notes
    )
    assert any(
        "1 cell of the column for sex not understood, and so not stated: '?'" in n for n in found.notes
    )


def test_a_column_of_sex_in_numbers_stays_a_label(tmp_path, images):
    found = find(table(tmp_path, "image,sex,age\n1.png,1,44\n2.png,0,45\n"), images)
    assert found.label_names == ("sex",)
    assert [image.about for image in found.images] == [About(44), About(45)]
