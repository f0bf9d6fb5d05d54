"""`dataset.json` as it is about: versions, spellings, encodings; what is understood, and what is refused by name."""

import json

import pytest

from pcrl.datasets.case import LayoutError
from pcrl.datasets.layouts.volumes.nnunet.description import read_description

GOOD = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}, "file_ending": ".nii.gz"}


def read(tmp_path, *, raw=None, **changes):
    path = tmp_path / "dataset.json"
    path.write_bytes(raw if raw is not None else json.dumps(GOOD | changes).encode())
    return read_description(path)


@pytest.mark.parametrize(
    ("changes", "channels"),
    [
        ({}, ("CT",)),
        ({"channel_names": {"1": "T2", "0": "T1"}}, ("T1", "T2")),
        ({"channel_names": {}, "modality": {"0": "CT"}}, ("CT",)),
        ({"channel_names": ["T1", "T2"]}, ("T1", "T2")),
        ({"channel_names": {"T1": 0, "T2": 1}}, ("T1", "T2")),
    ],
)
def test_channels(tmp_path, changes, channels):
    assert read(tmp_path, **changes).channels == channels


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        ({"background": 0, "liver": 1, "tumour": 2}, {1: "liver", 2: "tumour"}),
        ({"0": "background", "1": "liver"}, {1: "liver"}),
        ({"background": "0", "liver": "1"}, {1: "liver"}),
        (["background", "liver"], {1: "liver"}),
        ({}, {}),
    ],
)
def test_labels(tmp_path, labels, meant):
    found = read(tmp_path, labels=labels)
    assert (found.labels, found.regions, found.ignored) == (meant, {}, None)


def test_spellings_that_are_read_otherwise_than_written_are_told(tmp_path):
    assert not read(tmp_path).notes
    assert not read(tmp_path, labels={"0": "background", "1": "liver"}).notes
    assert "list" in read(tmp_path, labels=["background", "liver"]).notes[0]
    assert "wrong way round" in read(tmp_path, channel_names={"CT": 0}).notes[0]


def test_regions_and_what_is_to_be_ignored(tmp_path):
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": [3], "ignore": 4}
    found = read(tmp_path, labels=labels)
    assert found.regions == {"whole": (1, 2, 3), "core": (2, 3), "enhancing": (3,)}
    assert found.ignored == 4
    assert read(tmp_path, labels={"background": 0, "a": 1, "ignore": 2}).labels == {1: "a"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_tell_themselves(tmp_path, encoding):
    text = json.dumps(GOOD | {"reference": "Universität 大学"}, ensure_ascii=False)
    assert read(tmp_path, raw=text.encode(encoding)).channels == ("CT",)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (
            json.dumps(GOOD | {"reference": "ä"}, ensure_ascii=False).encode("latin-1"),
            "byte 0xe4 is not UTF-8",
        ),
        (json.dumps(GOOD).encode()[:-1] + b",}", "not valid JSON"),
        (b"[]", "expected an object, found list"),
        (b'{"labels": {}}', "names no channels: expected channel_names"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, raw, named):
    with pytest.raises(LayoutError, match=named):
        read(tmp_path, raw=raw)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"channel_names": {"0": "T1", "2": "T2"}},
            "channel_names is .* expected the number of each channel",
        ),
        ({"channel_names": {"a": "b"}}, "channel_names is .* expected the number of each channel"),
        ({"channel_names": "CT"}, "channel_names is CT; expected"),
        ({"labels": {"background": 0, "liver": 1.5}}, "labels is .* expected the name of each label"),
        ({"labels": {"background": 0, "liver": None}}, "labels is .* expected the name of each label"),
        ({"labels": {"0": "1", "1": "0"}}, "labels is .* expected the name of each label"),
        ({"labels": "liver"}, "labels is liver; expected"),
        ({"labels": {"a": 1, "b": 1}}, "two names have one value"),
        ({"labels": {"1": "a", "2": "a"}}, "two values have one name"),
        ({"labels": {"a": 1, "ignore": [2, 3]}}, "ignore is .* expected one value"),
    ],
)
def test_what_cannot_be_meant_names_its_key(tmp_path, changes, named):
    with pytest.raises(LayoutError, match=named):
        read(tmp_path, **changes)
