"""nnU-Net's folders, made of empty files: channels, labels, splits, and what other programs leave among them."""

import json

import pytest

from pcrl.datasets.case import LayoutError
from pcrl.datasets.catalog import find


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write(root, channels=("CT",), train=3, labelled=2, tested=1, ending=".nii.gz", **changes):
    """A data set of `train` cases with `labelled` segmentations, and of `tested` test cases without."""
    touch(
        *(
            root / f"imagesTr/case_{n}_{c:04}{ending}"
            for n in range(1, train + 1)
            for c in range(len(channels))
        )
    )
    touch(*(root / f"labelsTr/case_{n}{ending}" for n in range(1, labelled + 1)))
    touch(*(root / f"imagesTs/test_{n}_{c:04}{ending}" for n in range(tested) for c in range(len(channels))))
    root.mkdir(parents=True, exist_ok=True)
    description = {
        "channel_names": {str(c): name for c, name in enumerate(channels)},
        "labels": {"background": 0, "spleen": 1},
        "file_ending": ending,
    }
    (root / "dataset.json").write_text(json.dumps(description | changes))
    return root


def splits(root, *folds):
    every = {name for fold in folds for name in fold}
    content = [{"train": sorted(every - set(fold)), "val": sorted(fold)} for fold in folds]
    (root / "splits_final.json").write_text(json.dumps(content))


def test_channels_labels_and_what_has_none(tmp_path):
    root = write(tmp_path / "Dataset009_Spleen", ("T1", "T2"))
    found = find("nnunet", tmp_path)
    assert found.name == "dataset009_spleen"
    assert [(c.name, c.split, len(c.channels), c.modality, c.label is not None) for c in found.cases] == [
        ("case_1", None, 2, "mr", True), ("case_2", None, 2, "mr", True),
        ("case_3", None, 2, "mr", False), ("test_0", "test", 2, "mr", False),
    ]  # fmt: skip
    assert found.label_names == {1: "spleen"}
    assert "case_3" in found.notes[0]
    (root / "labelsTs").mkdir()
    touch(root / "labelsTs/test_0.nii.gz")
    assert find("nnunet", root).cases[3].label is not None


def test_regions_and_ignore_come_along(tmp_path):
    labels = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
    found = find("nnunet", write(tmp_path / "Task001_A", labels=labels))
    assert (found.regions, found.ignored) == ({"whole": (1, 2), "core": (2,)}, 3)


def test_folds_of_a_file_that_divides_all_labelled_cases(tmp_path):
    root = write(tmp_path / "Dataset005_Ten", train=6, labelled=6, tested=0)
    splits(root, ["case_1", "case_2"], ["case_3", "case_4"], ["case_5", "case_6"])
    found = find("nnunet", root)
    assert [case.split for case in found.cases] == ["val", "val", "test", "test", "train", "train"]
    assert [case.fold for case in found.cases] == [0, 0, 1, 1, 2, 2]
    assert "the 2 validation cases of its fold 1 are the test set (case_3, case_4)" in found.notes[0]


def test_a_file_with_one_fold_leaves_the_test_set_to_the_hash(tmp_path):
    root = write(tmp_path / "Dataset005_Ten", train=4, labelled=4, tested=0)
    splits(root, ["case_2"])
    found = find("nnunet", root)
    assert [case.split for case in found.cases] == [None, "val", None, None]
    assert "has one fold" in found.notes[0]
    (root / "labelsTs").mkdir()
    touch(root / "imagesTs/test_0_0000.nii.gz", root / "labelsTs/test_0.nii.gz")
    found = find("nnunet", root)
    assert [case.split for case in found.cases] == ["train", "val", "train", "train", "test"]
    assert not found.notes


def test_splits_of_another_data_set_are_passed_over_and_it_is_said(tmp_path):
    root = write(tmp_path / "Dataset005_Ten")
    splits(root, ["x1"], ["x2"])
    found = find("nnunet", root)
    assert [case.split for case in found.cases] == [None, None, None, "test"]
    assert "names no case that is here" in found.notes[0]
    (root / "splits_final.json").write_text('{"val": []}')
    with pytest.raises(LayoutError, match="expected a list of folds"):
        find("nnunet", root)


def test_what_macos_leaves_is_no_case(tmp_path):
    root = write(tmp_path / "Dataset001_A", tested=0)
    touch(root / "imagesTr/._case_1_0000.nii.gz", root / "imagesTr/.DS_Store")
    assert [case.name for case in find("nnunet", root).cases] == ["case_1", "case_2", "case_3"]


def test_the_ending_is_taken_from_the_files_if_nothing_states_it(tmp_path):
    root = write(tmp_path / "Dataset001_A", ending=".nii", file_ending=None)
    found = find("nnunet", root)
    assert found.cases[0].label.name == "case_1.nii"
    assert ".nii is taken" in found.notes[0]
    write(root, file_ending=".nrrd", ending=".nii")
    with pytest.raises(
        LayoutError, match=r"file_ending is '.nrrd', and no image ends so; .*Mend file_ending: .nii"
    ):
        find("nnunet", root)


def test_what_is_not_laid_out_so_is_named(tmp_path):
    write(tmp_path / "Dataset001_A")
    write(tmp_path / "Dataset002_B")
    with pytest.raises(LayoutError, match="Dataset001_A, Dataset002_B"):
        find("nnunet", tmp_path)
    plain = write(tmp_path / "Task002_Heart", train=0, labelled=0, tested=0)
    touch(plain / "imagesTr/la_003.nii.gz")
    with pytest.raises(
        LayoutError, match=r"la_003.nii.gz, without the number of a channel: .*la_003_0000.nii.gz"
    ):
        find("nnunet", plain)
    twice = write(tmp_path / "Dataset003_C")
    touch(twice / "imagesTs/case_1_0000.nii.gz")
    with pytest.raises(LayoutError, match="case_1 is in imagesTr and in imagesTs"):
        find("nnunet", twice)


def test_a_case_of_other_channels_fails_alone(tmp_path):
    root = write(tmp_path / "Dataset001_A", ("CT", "PET"), train=4, labelled=3)
    (root / "imagesTr/case_2_0001.nii.gz").unlink()
    touch(root / "imagesTr/case_3_0002.nii.gz", root / "imagesTr/stray.nii.gz")
    (root / "imagesTs/test_0_0000.nii.gz").unlink()
    (root / "patients.csv").write_text("case,patient\ncase_1,A\ncase_2,A\ncase_4,B\n")
    found = find("nnunet", root)
    assert [(case.name, case.patient) for case in found.cases] == [("case_1", "A"), ("case_4", "B")]
    assert {one.name for one in found.unreadable} == {"case_2", "case_3", "stray", "test_0"}
    reasons = {one.name: one.reason for one in found.unreadable}
    assert (
        "case case_2 lacks _0001 (PET); it has _0000, dataset.json names 2 channels (CT, PET)"
        in reasons["case_2"]
    )
    assert "case case_3 has _0002, which dataset.json does not name" in reasons["case_3"]
    assert "expected imagesTr/stray_0000.nii.gz" in reasons["stray"]
    assert "case test_0 lacks _0000 (CT)" in reasons["test_0"]
    assert not any("case_2" in note for note in found.notes)


def test_where_no_case_has_its_channels_the_data_set_is_refused(tmp_path):
    root = write(tmp_path / "Dataset001_A", tested=0)
    (root / "dataset.json").write_text('{"channel_names": {"0": "T1", "1": "T2"}, "labels": {}}')
    with pytest.raises(LayoutError, match=r"no case of .* has all its channels: .*case_1 lacks _0001 \(T2\)"):
        find("nnunet", root)


def test_labels_and_images_without_each_other_are_counted(tmp_path):
    root = write(tmp_path / "Dataset001_A", train=8, labelled=2)
    touch(*(root / f"labelsTr/other_{n}.nii.gz" for n in range(5)))
    bare, lonely = find("nnunet", root).notes
    assert bare == (
        "6 cases of imagesTr without a label in labelsTr, and so unlabelled: case_3, case_4, case_5 and 3 more"
    )
    assert lonely.startswith(
        "5 labels without an image of that name, and so skipped: other_0, other_1, other_2 and 2"
    )
