"""A label lies on its scan, or is named; whole numbers are whole up to rounding."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from pcrl.datasets.case import Case
from pcrl.engine.volumes.ingest.errors import IngestError
from pcrl.engine.volumes.ingest.label import read_label, whole_numbers
from pcrl.engine.volumes.reading.reader import read
from tests.helpers import scans

LABEL = (scans.body() == scans.BRIGHT).astype(np.uint8)
TURNED = np.diag([1.0, -1.0, -1.0])


@pytest.fixture
def case(tmp_path):
    scans.write(tmp_path / "scan.nii", scans.body(), (1.5, 1.5, 2.0), TURNED, (48.0, -40.0, -60.0))
    scans.write(tmp_path / "label.nii", LABEL, (1.5, 1.5, 2.0), TURNED, (48.0, -40.0, -60.0))
    return Case("a", "a", (tmp_path / "scan.nii",), tmp_path / "label.nii")


def on_its_scan(case, trust=False):
    scan = read(case.channels[0])
    label = read_label(case, scan.grid, trust)
    assert label.grid == scan.grid
    np.testing.assert_array_equal(label.values, scan.values == scans.BRIGHT)
    return label.notes


@pytest.mark.parametrize(
    "sform",
    [
        np.abs(scans.SFORM), scans.SFORM * 1e-4, np.zeros(12), np.full(12, np.nan), np.full(12, np.inf),
        np.where(np.arange(12) == 3, np.nan, scans.SFORM),
    ],
)  # fmt: skip
def test_a_label_whose_header_was_lost_is_taken_only_when_asked_for(case, sform, capfd):
    scans.edit_header(case.label, sform=sform, codes=(0, 2))
    with pytest.raises(IngestError, match="--trust-label-voxels") as caught:
        on_its_scan(case)
    assert str(case.label) in str(caught.value)
    assert "voxel by voxel" in on_its_scan(case, trust=True)[-1]
    # Nor does a library print its own thoughts on such a header.
    assert capfd.readouterr() == ("", "")


def test_a_lost_header_of_a_compressed_label_or_of_the_other_form_prints_nothing(case, tmp_path, capfd):
    scans.edit_header(case.label, codes=(1, 0), offset=np.full(3, np.nan))
    assert "voxel by voxel" in on_its_scan(case, trust=True)[-1]
    packed = tmp_path / "label.nii.gz"
    packed.write_bytes(gzip.compress(case.label.read_bytes()))
    assert "voxel by voxel" in on_its_scan(replace(case, label=packed), trust=True)[-1]
    assert capfd.readouterr() == ("", "")


def test_the_message_says_what_can_be_done(case):
    scans.edit_header(case.label, sform=scans.SFORM, codes=(0, 2))
    with pytest.raises(IngestError, match=r"lies elsewhere.*--trust-label-voxels"):
        on_its_scan(case)


def test_a_label_of_another_size_is_never_taken(case):
    scans.write(case.label, LABEL[1:])
    for trust in (False, True):
        with pytest.raises(IngestError, match="voxels"):
            on_its_scan(case, trust)


def test_a_label_that_fits_is_not_changed_by_trust(case):
    assert on_its_scan(case, trust=True) == on_its_scan(case) == ()


def test_a_label_on_the_other_form_of_its_scan(case):
    rows = np.array([-1.5, 0, 0, 9, 0, 1.5, 0, 8, 0, 0, -2, 7])
    scans.edit_header(case.channels[0], sform=rows, codes=(1, 2))
    assert "read by different forms: its sform is the qform of that" in on_its_scan(case)[-1]
    scans.edit_header(case.label, sform=rows, codes=(0, 2))
    assert on_its_scan(case) == ()


def test_rounding_is_not_a_fraction(tmp_path):
    exact, notes = whole_numbers(np.array([0, 1.0000002, 2.9999998]), tmp_path)
    assert (exact.tolist(), exact.dtype, notes) == ([0, 1, 3], np.uint8, [])
    rounded, notes = whole_numbers(np.array([0, 0.9995, 300], np.float32), tmp_path)
    assert (rounded.tolist(), rounded.dtype) == ([0, 1, 300], np.uint16)
    assert "rounded" in notes[0]


@pytest.mark.parametrize("values", [[0, 0.5], [0, np.nan], [0, np.inf], [-1.0, 0], [0, 70000.0], [0, 1.01]])
def test_what_is_no_label_is_refused(tmp_path, values):
    with pytest.raises(IngestError, match=r"whole numbers|0 to 65535"):
        whole_numbers(np.array(values), tmp_path)
