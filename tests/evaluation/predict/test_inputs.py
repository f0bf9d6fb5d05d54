"""What is given to `pcrl predict`, DICOM above all, becomes cases or is refused by name."""

import os

import numpy as np
import pytest

from pcrl.evaluation.predict.inputs import radiographs, volumes
from pcrl.evaluation.records.errors import ProtocolError
from tests.helpers import dicom


def echoes():
    stored = (dicom.body() + 1000).astype(np.uint16)
    return [
        {"values": stored[n], "place": dicom.position(n), "echo": echo}
        for echo in (10, 80)
        for n in range(12)
    ]


def test_a_folder_of_several_people_is_a_case_each(tmp_path):
    for person in "ab":
        dicom.series(tmp_path, names=person + "{:03}", series=person, patient=person)
    (tmp_path / "broken.dcm").write_bytes(b"no DICOM")
    cases, notes, failed = volumes([tmp_path], None, 1)
    assert len(cases) == 2
    assert any("(2 volumes" in note for note in notes)
    assert "broken.dcm" in failed[0]


def test_a_file_of_several_stacks_is_a_case_each(tmp_path):
    path = dicom.enhanced(tmp_path / "brain.dcm", echoes())
    cases, _, _ = volumes([path], None, 1)
    assert [(case.name, case.channels) for case in cases] == [
        ("brain-echo1", (path,)), ("brain-echo2", (path,)),
    ]  # fmt: skip


def test_one_slice_and_a_radiograph_are_no_volumes(tmp_path):
    folder = dicom.series(tmp_path / "ct")
    with pytest.raises(ProtocolError, match="is one slice"):
        volumes([folder / "003.dcm"], None, 1)
    path = dicom.radiograph(tmp_path / "dx.dcm", np.arange(400).reshape(20, 20))
    with pytest.raises(ProtocolError, match="a radiograph"):
        volumes([path], None, 1)


def test_of_a_mixed_tree_the_network_takes_its_kind(tmp_path):
    dicom.series(tmp_path / "ct")
    path = dicom.radiograph(tmp_path / "dx/1", np.arange(400).reshape(20, 20))
    cases, notes, _ = volumes([tmp_path], None, 1)
    assert [case.name for case in cases] == ["ct"]
    assert any("1 radiograph passed over" in note for note in notes)
    assert radiographs([tmp_path]) == ([path], [])


def test_files_of_any_name_are_cases_of_their_own(tmp_path):
    names = [
        b"M\x81ller.nii",
        "病人.nii".encode(),
        b"a b.nii",
        b"a-b.nii",
        b"[red]x.NII.GZ",
        b"two\nlines.nii",
    ]
    names.append(b"a" * 240 + b".nii")
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    cases, notes, failed = volumes([tmp_path / os.fsdecode(name) for name in names], None, 1)
    found = [case.name for case in cases]
    assert (found[:2], found[3:6]) == (["M-ller", "病人"], ["a-b", "red-x", "two-lines"])
    assert found[2].startswith("a-b-")
    assert all(len(name.encode()) <= 160 for name in found)
    assert not failed
    assert r"M\x81ller.nii is M-ller" in notes[0]
    assert "two\\nlines.nii is two-lines" in notes[0] or "more" in notes[0]
    assert notes[0].isprintable()
    in_folder, _, _ = volumes([tmp_path], None, 1)
    assert sorted(case.name for case in in_folder) == sorted(found)


def test_files_of_one_name_in_several_folders(tmp_path):
    for folder in ("one", "two", "deep/one"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "scan.nii").touch()
    first, second, third = (tmp_path / folder / "scan.nii" for folder in ("one", "two", "deep/one"))
    cases, notes, failed = volumes([first, second, first], None, 1)
    assert [case.name for case in cases] == ["one-scan", "two-scan"]
    assert (notes[0].startswith("1 input given twice, predicted once"), failed) == (True, [])
    cases, _, _ = volumes([tmp_path / "one", second, third], None, 1)
    names = [case.name for case in cases]
    assert names[1] == "two-scan"
    assert len(set(names)) == 3
    # A table of candidates tells scans by their names alone.
    cases, _, failed = volumes([first, second], None, 1, by_file=True)
    assert [case.channels for case in cases] == [(first,)]
    assert "two/scan.nii: its name scan is that of" in failed[0]


def test_what_is_wrong_with_one_input_is_its_own_failure(tmp_path):
    folder = dicom.series(tmp_path / "ct")
    (tmp_path / "empty").mkdir()
    gone = tmp_path / os.fsdecode(b"g\x81ne.nii")
    cases, _, failed = volumes([folder / "003.dcm", folder, gone, tmp_path / "empty"], None, 1)
    assert [case.name for case in cases] == ["ct"]
    assert ["is one slice" in failed[0], r"g\x81ne.nii: no such file" in failed[1]] == [True, True]
    assert "is not laid out as folder" in failed[2]
    with pytest.raises(
        ProtocolError, match=r"no such file or folder \(and 1 more that cannot be predicted\)"
    ):
        volumes([gone, folder / "003.dcm"], None, 1)
    path = dicom.radiograph(tmp_path / "dx/1", np.arange(400).reshape(20, 20))
    assert radiographs([tmp_path / "empty", path, path.parent]) == (
        [path], [f"{tmp_path / 'empty'} holds no radiographs: expected PNG, JPEG or DICOM files"],
    )  # fmt: skip


def test_a_case_without_a_channel_is_its_own_failure(tmp_path):
    for folder, name, number in (("a", "x", 0), ("a", "x", 1), ("a", "y", 0), ("b", "x", 0), ("b", "x", 1)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}_{number:04}.nii").touch()
    cases, _, failed = volumes([tmp_path / "a", tmp_path / "b"], None, 2)
    assert [(case.name, len(case.channels)) for case in cases] == [("a-x", 2), ("b-x", 2)]
    assert "of y there are 0000" in failed[0]
