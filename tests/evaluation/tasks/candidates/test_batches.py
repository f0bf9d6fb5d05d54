"""Crops about candidates: the right voxels, whatever the threads; balanced epochs."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from pcrl.config.volumes import CandidateTuning, Jitter
from pcrl.evaluation.tasks.candidates.batches import CandidateCrops, balanced, batches_of
from pcrl.evaluation.tasks.candidates.candidates import read_candidates
from pcrl.evaluation.tasks.candidates.crops import drawn_crop
from pcrl.kernels.streams import sample_key
from tests.helpers.luna import tree as luna_tree
from tests.helpers.luna.tree import ingested

SIZE = (24, 16, 17)


def settings(batch_size):
    # No recipe has an odd number in a batch, and crops do not mind.
    return CandidateTuning().model_copy(update={"batch_size": batch_size, "crop": SIZE})


@pytest.fixture(scope="module")
def luna(tmp_path_factory):
    root = tmp_path_factory.mktemp("luna")
    luna_tree.write_luna(root / "luna", 4)
    return ingested(root / "luna", root / "cache")


def padded(dataset, case, by=40):
    """A scan in [0, 1], with air round it."""
    record = dataset.cases[case].record
    image = np.pad(dataset.cases[case].voxels.read()[0], by, constant_values=record.intensities[0].air)
    return image * np.float32(record.intensities[0].scale) + np.float32(record.intensities[0].offset)


def all_of(batches):
    rows, crops = zip(*batches, strict=True)
    return np.concatenate(rows), np.concatenate(crops)


def test_plain_crops_are_the_voxels_about_each_candidate(luna):
    candidates, _ = read_candidates(luna)
    rows = np.arange(len(candidates))[::-1].copy()
    crops = CandidateCrops(luna.cases, candidates, settings(5), 2)
    got, pixels = all_of(crops.plain(rows))
    assert np.array_equal(got, rows)
    assert pixels.shape == (len(rows), 1, *SIZE)
    assert pixels.dtype == np.float32
    for row, crop in zip(got, pixels[:, 0], strict=True):
        start = np.floor(candidates.centre[row] - (np.array(SIZE) - 1) / 2 + 0.5).astype(int) + 40
        box = tuple(slice(a, a + n) for a, n in zip(start, SIZE, strict=True))
        np.testing.assert_allclose(crop, padded(luna, candidates.case[row])[box], atol=1e-6)
        assert crop.min() >= 0
        assert crop.max() <= 1


def test_augmented_crops_are_what_a_plain_interpolation_gives(luna):
    candidates, _ = read_candidates(luna)
    crops = CandidateCrops(luna.cases, candidates, settings(6), 2)
    rows, pixels = all_of(crops.augmented(np.arange(len(candidates)), 3, 1))
    assert candidates.label[rows].mean() == 0.5
    grid = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in SIZE], indexing="ij"), axis=-1)
    for row, crop in zip(rows, pixels[:, 0], strict=True):
        drawn = drawn_crop(sample_key(3, 1, int(candidates.line[row])), Jitter())
        # The middle of the plain crop, then the shift.
        half = (np.array(SIZE) - 1) / 2
        middle = np.floor(candidates.centre[row] - half + 0.5) + half + drawn.shift + 40
        at = middle + grid @ drawn.matrix.T
        expected = map_coordinates(padded(luna, candidates.case[row]), np.moveaxis(at, -1, 0), order=1)
        np.testing.assert_allclose(crop, expected, atol=2e-4)


def test_threads_change_nothing_and_epochs_differ(luna):
    candidates, _ = read_candidates(luna)
    results = []
    for threads in (1, 4):
        crops = CandidateCrops(luna.cases, candidates, settings(4), threads)
        results.append([all_of(crops.augmented(np.arange(len(candidates)), 0, epoch)) for epoch in (0, 1)])
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])
    assert not np.array_equal(results[0][0][1], results[0][1][1])


def test_labels_can_be_others(luna):
    candidates, _ = read_candidates(luna)
    rows = np.arange(len(candidates))
    labels = np.roll(candidates.label, 5)
    crops = CandidateCrops(luna.cases, candidates, settings(4), 1)
    drawn, _ = all_of(crops.augmented(rows, 0, 0, labels))
    assert np.array_equal(np.unique(drawn[labels[drawn]]), np.flatnonzero(labels))


def test_a_damaged_scan_is_named(tmp_path):
    luna_tree.write_luna(tmp_path / "luna", 1)
    dataset = ingested(tmp_path / "luna", tmp_path / "cache")
    shard = dataset.cases[0].folder / "image.ome.zarr/0/c/0/0/0/0"
    content = bytearray(shard.read_bytes())
    content[200] ^= 4
    shard.write_bytes(bytes(content))
    candidates, _ = read_candidates(dataset)
    crops = CandidateCrops(dataset.cases, candidates, settings(4), 2)
    with pytest.raises(Exception, match=r"1\.2\.0.*damaged"):
        all_of(crops.plain(np.arange(len(candidates))))


def test_drawn_crops_keep_their_limits():
    drawn = [drawn_crop(key, Jitter()) for key in range(300)]
    shifts = np.array([crop.shift for crop in drawn])
    assert shifts.min() == -Jitter().shift
    assert shifts.max() == Jitter().shift
    matrices = np.array([crop.matrix for crop in drawn])
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.eye(3)[None].repeat(300, 0), atol=1e-12
    )
    assert {tuple(np.sign(np.diag(matrix))) for matrix in matrices} == {
        (z, y, x) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)
    }
    assert np.abs(np.diagonal(matrices, axis1=1, axis2=2)).min() > np.cos(2 * np.radians(Jitter().angle))


@pytest.mark.parametrize(
    ("positives", "negatives", "size"), [(7, 100, 8), (16, 16, 8), (30, 4, 6), (1, 5, 32), (5, 9, 1)]
)
def test_epochs_are_balanced(positives, negatives, size):
    labels = np.random.default_rng(0).permutation(np.r_[np.ones(positives, bool), np.zeros(negatives, bool)])
    seen = []
    for epoch in range(3):
        batches = balanced(labels, 0, epoch, size)
        for batch in batches:
            assert labels[batch].sum() * 2 == len(batch) <= max(2, size)
        rows = np.concatenate(batches)
        assert np.array_equal(np.sort(rows[labels[rows]]), np.flatnonzero(labels))
        drawn = np.bincount(rows[~labels[rows]], minlength=len(labels))[~labels]
        assert drawn.sum() == positives
        assert drawn.max() - drawn.min() <= 1
        seen.append(rows)
    assert positives == 1 or not np.array_equal(seen[0], seen[1])
    assert np.array_equal(np.concatenate(balanced(labels, 0, 1, size)), seen[1])


def test_without_positives_or_negatives():
    assert balanced(np.zeros(4, bool), 0, 0, 2) == []
    assert [len(batch) for batch in balanced(np.ones(4, bool), 0, 0, 4)] == [2, 2]


def test_what_is_shown_without_learning_is_balanced_and_as_it_lies(luna):
    candidates, _ = read_candidates(luna)
    crops = CandidateCrops(luna.cases, candidates, settings(6), 2)
    rows = np.arange(len(candidates))
    labels = candidates.label[rows]
    shown = list(crops.unchanged(rows, 3, 2, labels))
    trained = list(crops.augmented(rows, 3, 1))
    assert [len(got) for got, _ in shown] == [len(got) for got, _ in trained][:2]
    assert batches_of(labels, 6) == len(trained) == len(list(crops.unchanged(rows, 3, 1000, labels)))
    for got, pixels in shown:
        assert candidates.label[got].sum() == len(got) / 2
        np.testing.assert_array_equal(pixels, all_of(crops.plain(got))[1])
    np.testing.assert_array_equal(all_of(shown)[1], all_of(crops.unchanged(rows, 3, 2, labels))[1])
