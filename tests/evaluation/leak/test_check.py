"""The refusal to score what pre-training saw."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.fingerprints.fingerprints import Collection
from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.evaluation.arms.choose import ANOTHER_RUN
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.volumes import labelled_cases
from pcrl.evaluation.leak.check import Allowed, Seen, Verdict, check_leak
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.training.records.run_folder import RunError, RunRecord
from tests.helpers import patients

TRANSDUCTIVE, OTHERS = Allowed(transductive=True), Allowed(different_people=True)


@pytest.fixture
def run(tmp_path):
    """Of which nothing but a patient is known."""
    return RunRecord(tmp_path, patients.RECIPE, "fresh", True, "", ("lits",), ("volume-0",), ())


@pytest.fixture(scope="module")
def tested(lits):
    return labelled_cases(lits, Design()).tested()


def saw(run, *scans):
    """The same run, which has seen these: name, digests, volume."""
    collection = Collection()
    for name, digests, volume in scans:
        shown = () if volume is None else [thumbnail(volume)]
        collection.add(name, f"patient of {name}", False, digests, shown)
    collection.fingerprints().save(run.folder / "seen.npz")
    return replace(run, pixels=None)


def by(run):
    """What a run has seen, as it is compared."""
    return Seen("the pre-training of runs/a", run.seen(), frozenset(run.patients), ANOTHER_RUN)


def refused(run, tested, cache, named):
    """Stating that people are different does not help where scans are the same."""
    for allowed in (Allowed(), OTHERS):
        with pytest.raises(ProtocolError, match=f"saw the test set: {named}.*--transductive"):
            check_leak(by(run), tested, Cache(cache), allowed)
    assert check_leak(by(run), tested, Cache(cache), TRANSDUCTIVE).saw


def volume_of(lits, name):
    return next(case for case in lits.cases if case.name == name).voxels.read()[0]


def test_a_clean_run_passes(run, tested, cache):
    verdict = check_leak(by(run), tested, Cache(cache), Allowed())
    assert not verdict.saw
    run = saw(run, ("other/body", ("0" * 64,), patients.body(999)[0]))
    assert check_leak(by(run), tested, Cache(cache), Allowed()) == Verdict(False)


def test_a_patient_or_a_scan_seen_is_refused_and_named(run, tested, cache, lits):
    record = next(case.record for case in lits.cases if f"lits/{case.name}" == tested.names[0])
    source = lits.folder.parent.parent / "lits" / record.sources[0].path
    digests = {record.pixels, record.voxels[0], hashlib.sha256(source.read_bytes()).hexdigest()}
    assert {digest.tobytes().hex() for digest in tested.digests[tested.digest_of == 0]} == digests
    by_patient = replace(run, patients=("volume-0", "volume-11"))
    refused(by_patient, tested, cache, "patients volume-11; scans none")
    # The same scan under another name, with other pixels: only what it was read from gives it away.
    by_voxels = saw(run, ("x/y", (record.voxels[0],), None))
    refused(by_voxels, tested, cache, f"patients none; scans {tested.names[0]}.")


def test_runs_of_earlier_versions_have_pixels_only(run, tested, cache):
    pixels = tested.digests[tested.digest_of == 1][0].tobytes().hex()
    old = replace(run, pixels=("0" * 64, tested.digests[0].tobytes().hex(), pixels))
    with pytest.raises(ProtocolError, match=f"scans {tested.names[0]}, {tested.names[1]}"):
        check_leak(by(old), tested, Cache(cache), Allowed())
    (note,) = check_leak(by(replace(run, pixels=("0" * 64,))), tested, Cache(cache), Allowed()).notes
    assert note.startswith("1 scan of the pre-training of runs/a was stored by an earlier version")


def test_a_run_whose_fingerprints_are_lost_is_not_trusted(run, tested, cache):
    with pytest.raises(RunError, match=r"seen\.npz.*nobody can tell which scans"):
        check_leak(by(replace(run, pixels=None)), tested, Cache(cache), Allowed())


def test_a_copy_is_refused_and_may_be_stated_to_be_of_somebody_else(run, tested, cache, lits):
    copy = volume_of(lits, "volume-3")[:, 1:, ::-1] + 1
    run = saw(run, ("stranger/a", (), copy), ("stranger/b", (), patients.body(999)[0]))
    said = r"lits/volume-3 looks like stranger/a \((0\.9\d|1\.00)\).*--different-people"
    with pytest.raises(ProtocolError, match=said):
        check_leak(by(run), tested, Cache(cache), Allowed())
    assert check_leak(by(run), tested, Cache(cache), TRANSDUCTIVE).saw
    verdict = check_leak(by(run), tested, Cache(cache), OTHERS)
    assert not verdict.saw
    assert "stated to be of different people: lits/volume-3 looks like stranger/a" in verdict.notes[-1]


def test_virtual_scans_are_compared_exactly_only(run, tested, cache, lits):
    run = saw(run, ("stranger/a", (), volume_of(lits, "volume-3")))
    virtual = replace(
        tested,
        virtual=np.ones(len(tested), bool),
        thumbnails=tested.thumbnails[:0],
        thumbnail_of=tested.thumbnail_of[:0],
    )
    assert check_leak(by(run), virtual, Cache(cache), Allowed()) == Verdict(False)


def test_patients_of_every_fold_are_tested(run, lits, cache):
    tested = labelled_cases(lits, Design(folds=(0, 1, 2, 3, 4))).tested()
    assert set(tested.names) == {f"lits/{case.name}" for case in lits.cases}
    with pytest.raises(ProtocolError, match="patients volume-0;"):
        check_leak(by(run), tested, Cache(cache), Allowed())
