"""What is given to `pcrl predict`, DICOM above all, becomes cases or is refused by name."""

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
    assert any("2 volumes" in note for note in notes)
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
    assert radiographs([tmp_path]) == [path]
