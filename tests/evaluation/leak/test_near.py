"""What is taken for a copy."""

import numpy as np
import pytest

from pcrl.engine.fingerprints.fingerprints import Collection
from pcrl.engine.fingerprints.thumbnail import thumbnail
from pcrl.evaluation.leak.near import FLOOR, Near, near, threshold
from tests.evaluation.leak import bodies


def nowhere(_name):
    """No voxels are at hand."""
    return


def crowd(count, dims=2, first=0, **how):
    return {f"seen/{n}": bodies.person(n, dims, **how) for n in range(first, first + count)}


@pytest.mark.parametrize("dims", [2, 3])
def test_a_copy_is_found_among_others_and_named(dims):
    seen = crowd(5, dims)
    tested = {"test/copy": seen["seen/3"][::-1], "test/another": bodies.person(99, dims)}
    found = near(bodies.collected(seen), bodies.collected(tested), nowhere)
    assert [(match.tested, match.seen) for match in found.matches] == [("test/copy", "seen/3")]
    assert found.others < FLOOR
    assert not found.twins


def test_nothing_alike_is_not_compared_further():
    found = near(bodies.collected(crowd(4)), bodies.collected(crowd(3, first=50)), nowhere)
    assert found == Near()
    assert near(bodies.collected(crowd(2)), Collection().fingerprints(), nowhere) == Near()


def test_where_all_people_are_alike_a_copy_must_be_more_so():
    """Brains on one grid, say: the bound is that of the cache itself."""
    seen = bodies.collected(crowd(25, bent=0.008))
    another, copy = bodies.person(77, 2, bent=0.008), bodies.person(3, 2, bent=0.008)
    found = near(seen, bodies.collected({"test/another": another, "test/copy": copy}), nowhere)
    assert found.others > FLOOR
    assert {(match.tested, match.seen) for match in found.matches} == {("test/copy", "seen/3")}
    assert not found.twins


def test_a_scan_that_was_seen_under_two_names_hides_no_copy():
    scans = crowd(4)
    seen = bodies.collected({**scans, "seen/again": scans["seen/1"][:, ::-1]})
    found = near(seen, bodies.collected({"test/copy": scans["seen/2"][2:]}), nowhere)
    assert [(match.tested, match.seen) for match in found.matches] == [("test/copy", "seen/2")]
    assert {(twin.tested, twin.seen) for twin in found.twins} == {("seen/1", "seen/again")}


def test_two_scans_of_one_patient_are_no_twins():
    scans = crowd(4)
    seen = bodies.collected({**scans, "seen/again": ("patient of seen/1", scans["seen/1"])})
    assert not near(seen, bodies.collected({"test/copy": scans["seen/2"]}), nowhere).twins


def test_voxels_at_hand_decide():
    scans = crowd(4)
    tested = {"test/copy": scans["seen/2"]}

    def closer(name):
        scan = scans.get(name) if name != "test/copy" else bodies.person(60, 2)
        return None if scan is None else thumbnail(scan, 64)[None]

    assert not near(bodies.collected(scans), bodies.collected(tested), closer).matches
    assert near(bodies.collected(scans), bodies.collected(tested), nowhere).matches


@pytest.mark.parametrize(("others", "expected"), [(0.0, FLOOR), (0.5, FLOOR), (0.7, 0.8), (1.0, 1.0)])
def test_the_margin(others, expected):
    assert threshold(others) == pytest.approx(expected)


def test_a_channel_is_enough():
    scans = crowd(3)
    collection = Collection()
    noise = np.random.default_rng(0).normal(size=(60, 60))
    collection.add("test/two", "other", False, (), [thumbnail(noise), thumbnail(scans["seen/1"])])
    found = near(bodies.collected(scans), collection.fingerprints(), nowhere)
    assert [(match.tested, match.seen) for match in found.matches] == [("test/two", "seen/1")]
