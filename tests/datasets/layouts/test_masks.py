"""Segmentations among the scans of a folder."""

import pytest

from pcrl.datasets.case import LayoutError
from pcrl.datasets.catalog import find


def touch(source, *names):
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()


def found(source):
    return {case.name: case.label and case.label.name for case in find("folder", source).cases}


@pytest.mark.parametrize(
    "mask",
    [
        "P0/segmentations/liver.nii.gz", "P0/Labels/1.nii.gz", "P0/masks/deep/1.nii", "P0/all_labels.nii.gz",
        "P0/region1_label.nii.gz", "P0/mask-2.nii.gz", "P0/lung_mask.nrrd", "P0/GT.nii.gz", "P0/label3.mha",
    ],
)  # fmt: skip
def test_masks_are_no_scans(tmp_path, mask):
    touch(tmp_path, "P0/ct.nii.gz", mask)
    assert found(tmp_path) == {"P0-ct": None}
    (note,) = find("folder", tmp_path).notes
    assert f"1 volume left out, as by their names they are segmentations and not scans: {mask}" in note


@pytest.mark.parametrize("scan", ["segal.nii.gz", "T1_masked.nii.gz", "unlabelled/x.nii", "mask_of_T1_x.nii"])
def test_scans_that_are_merely_called_like_it_stay(tmp_path, scan):
    touch(tmp_path, "a.nii", scan)
    expected = 1 if scan.startswith("mask_") else 2
    assert len(found(tmp_path)) == expected


@pytest.mark.parametrize("label", ["P0_seg.nii.gz", "P0-label.nii", "seg_P0.nii.gz", "P0_segmentation.nrrd"])
def test_the_one_that_is_called_like_its_scan_is_its_label(tmp_path, label):
    touch(tmp_path, "P0.nii.gz", "P1.nii.gz", label)
    assert found(tmp_path) == {"P0": label, "P1": None}
    assert f"{label} of P0.nii.gz" in find("folder", tmp_path).notes[0]


def test_several_of_a_scan_are_no_label(tmp_path):
    touch(tmp_path, "P0.nii.gz", "P0_seg.nii.gz", "P0_mask.nii.gz")
    assert found(tmp_path) == {"P0": None}


def test_nothing_but_masks_is_no_data_set(tmp_path):
    touch(tmp_path, "labels/1.nii", "labels/2.nii")
    with pytest.raises(LayoutError, match=r"(?s)not laid out as folder.*2 volumes left out"):
        find("folder", tmp_path)
