"""The published layouts, made of empty files: names in, cases out."""

import pytest

from pcrl.datasets.case import LayoutError
from pcrl.datasets.catalog import default_source, find
from tests.helpers import dicom


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_lits_in_batches_and_flat(tmp_path):
    touch(
        *(
            tmp_path / "Training Batch 1" / f"{kind}-{n}.nii"
            for kind in ("volume", "segmentation")
            for n in (2, 10)
        )
    )
    touch(tmp_path / "volume-28.nii.gz", tmp_path / "test-volume-0.nii", tmp_path / "segmentation-99.nii")
    found = find("lits", tmp_path)
    assert [case.name for case in found.cases] == ["test-volume-0", "volume-2", "volume-10", "volume-28"]
    assert [case.label is not None for case in found.cases] == [False, True, True, False]
    assert found.label_names == {1: "liver", 2: "tumour"}
    assert "segmentation-99" in found.notes[0]
    assert found.notes[1] == "1 volume without a segmentation, and so unlabelled: volume-28"


def test_lits_number_in_two_places_is_refused(tmp_path):
    touch(tmp_path / "a/volume-1.nii", tmp_path / "b/volume-1.nii.gz")
    with pytest.raises(LayoutError, match="twice"):
        find("lits", tmp_path)


def test_luna_folds(tmp_path):
    touch(*(tmp_path / f"subset{n}" / f"1.2.{n}.mhd" for n in range(10)))
    found = find("luna", tmp_path)
    assert [case.split for case in found.cases] == ["train"] * 7 + ["val"] * 2 + ["test"]
    assert [case.fold for case in found.cases] == list(range(10))
    assert found.tissue == "lung"
    assert "no candidates_V2.csv, annotations.csv, annotations_excluded.csv in" in found.notes[0]


def test_luna_tables_where_they_lie(tmp_path):
    touch(tmp_path / "subset0/1.2.mhd", tmp_path / "annotations.csv")
    touch(tmp_path / "CSVFILES/candidates.csv", tmp_path / "CSVFILES/annotations.csv")
    touch(tmp_path / "evaluationScript/annotations/annotations_excluded.csv")
    found = find("luna", tmp_path)
    assert [str(table.relative_to(tmp_path)) for table in found.tables] == [
        "CSVFILES/candidates.csv",
        "annotations.csv",
        "evaluationScript/annotations/annotations_excluded.csv",
    ]
    (note,) = found.notes
    assert "candidates.csv is taken, as there is no candidates_V2.csv" in note
    touch(tmp_path / "CSVFILES/candidates_V2.csv")
    (tmp_path / "CSVFILES/annotations.csv").write_text("other")
    found = find("luna", tmp_path)
    assert found.tables[0].name == "candidates_V2.csv"
    (note,) = found.notes
    assert "CSVFILES/annotations.csv differs from" in note


def test_folder_takes_volumes_and_dicom_series(tmp_path):
    source = tmp_path / "My Scans"
    touch(source / "a/one.nii.gz", source / "two.NRRD", source / "b/three.mhd", source / "b/three.raw")
    dicom.series(source / "ct 1", names="IM{:04}")
    found = find("folder", source)
    assert found.name == "my-scans"
    assert sorted(case.name for case in found.cases) == ["a-one", "b-three", "ct-1", "two"]


def test_folder_names_that_collide_are_refused(tmp_path):
    touch(tmp_path / "a.nii", tmp_path / "a.nrrd")
    with pytest.raises(LayoutError, match="rename one"):
        find("folder", tmp_path)


@pytest.mark.parametrize("name", ["lits", "luna", "brats", "nnunet", "folder", "chexpert", "chestxray"])
def test_wrong_trees_say_what_was_expected_and_found(tmp_path, name):
    with pytest.raises(LayoutError, match="does not exist"):
        find(name, tmp_path / "nowhere")
    with pytest.raises(LayoutError, match="empty"):
        find(name, tmp_path)
    touch(tmp_path / "notes.txt")
    with pytest.raises(LayoutError, match=r"(?s)Expected:.*Found: notes\.txt"):
        find(name, tmp_path)
    with pytest.raises(LayoutError, match="is a file"):
        find(name, tmp_path / "notes.txt")


def test_wrong_tree_suggests_the_right_name(tmp_path):
    touch(tmp_path / "subset0/1.mhd")
    with pytest.raises(LayoutError, match="--layout luna"):
        find("lits", tmp_path)


def test_unknown_data_set_and_default_source(monkeypatch, tmp_path):
    with pytest.raises(LayoutError, match="luna, lits, brats, nnunet, folder, chexpert, chestxray"):
        find("brain", tmp_path)
    monkeypatch.setenv("PCRL_DATA", str(tmp_path))
    assert default_source("lits") == tmp_path / "lits"


@pytest.mark.parametrize("separator", ",;")
def test_patients_table_joins_cases(tmp_path, separator):
    touch(*(tmp_path / f"volume-{n}.nii" for n in (1, 2, 3)))
    text = "case,patient,virtual\nvolume-1,anna,0\nvolume-2,anna,0\nvolume-3,v1,1\n"
    (tmp_path / "patients.csv").write_text(text.replace(",", separator))
    assert [(c.patient, c.virtual) for c in find("lits", tmp_path).cases] == [
        ("anna", False), ("anna", False), ("v1", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("case;person\n", "no column patient; the first line must be case,patient"),
        ("case,patient\nvolume-1\n", "line 2: found 1 cells"),
        ("case,patient\nvolume-7,anna\n", "line 2: there is no case 'volume-7'"),
        ("case,patient\nvolume-1,anna\nvolume-1,bert\n", "line 3: .* second time"),
        ("case,patient\nvolume-1,\n", "has no patient"),
        ("case,patient,virtual\nvolume-1,anna,yes\n", "expected 0 or 1"),
    ],
)
def test_bad_patients_table_is_named(tmp_path, text, named):
    touch(tmp_path / "volume-1.nii")
    (tmp_path / "patients.csv").write_text(text)
    with pytest.raises(LayoutError, match=named):
        find("lits", tmp_path)
