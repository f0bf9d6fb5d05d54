"""Many scans, and their file."""

import numpy as np
import pytest

from pcrl.engine.fingerprints.fingerprints import Collection, FingerprintError, Fingerprints, joined


def some(count=3, seed=0, edge=4):
    """Scans of which the last is virtual, and the first has two channels."""
    rng, collection = np.random.default_rng(seed), Collection()
    for n in range(count):
        shown = [rng.integers(0, 256, (edge,) * 3, np.uint8) for _ in range(1 + (n == 0))]
        collection.add(f"a/é{seed}-{n}", f"p{n // 2}", n == count - 1, ("", rng.bytes(32).hex()), shown)
    return collection.fingerprints()


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))


def test_a_virtual_scan_has_no_thumbnail_and_empty_digests_are_none():
    scans = some()
    assert scans.names == ("a/é0-0", "a/é0-1", "a/é0-2")
    assert scans.thumbnail_of.tolist() == [0, 0, 1]
    assert scans.digest_of.tolist() == [0, 1, 2]
    assert scans.without_thumbnails() == 0


def test_what_is_written_is_read(tmp_path):
    empty = Collection().fingerprints()
    for scans in (some(), empty):
        scans.save(tmp_path / "seen.npz")
        assert same(Fingerprints.load(tmp_path / "seen.npz"), scans)


def test_several_are_joined_with_their_owners():
    both = joined([some(2, 0), Collection().fingerprints(), some(3, 1)])
    assert len(both) == 5
    assert both.digest_of.tolist() == [0, 1, 2, 3, 4]
    assert both.thumbnail_of.tolist() == [0, 0, 2, 2, 3]
    assert np.array_equal(both.thumbnails[2:], some(3, 1).thumbnails)


@pytest.mark.parametrize("change", ["cut", "text", "owner", "column", "pickle"])
def test_a_file_that_is_not_one_is_named(tmp_path, change):
    path = tmp_path / "seen.npz"
    scans = some()
    scans.save(path)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif change == "text":
        path.write_text("nothing")
    else:
        columns = dict(np.load(path))
        if change == "owner":
            columns["thumbnail_of"] = columns["thumbnail_of"] + 7
        elif change == "column":
            del columns["virtual"]
        else:
            columns["virtual"] = np.array([print], object)
        np.savez(path, **columns, allow_pickle=True)
    with pytest.raises(FingerprintError, match=r"seen\.npz cannot be used"):
        Fingerprints.load(path)
