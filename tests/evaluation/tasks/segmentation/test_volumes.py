"""Patches straight from the cache are slices of the whole, wherever they lie; half of them are round a label."""

from collections import Counter

import numpy as np
import pytest

from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.evaluation.tasks.segmentation.volumes import Volume, image_of, of_case
from tests.helpers import patients, scans

WINDOW = (-150.0, 250.0)
ALL = frozenset(range(1, 10))


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Scans whose labels begin late in z, have several values, or are not there; by number."""
    root = tmp_path_factory.mktemp("volumes")
    labels = {number: np.zeros(patients.SHAPE, np.uint8) for number in range(3)}
    labels[0][15:19, 3:30, 5:7] = 1
    labels[1][2:20, 10:20, 10:30] = 1
    labels[1][5, 12:14, 12:15] = 2
    labels[1][23, 31, 39] = 5
    for number, label in labels.items():
        values, _ = patients.body(number)
        scans.write(root / f"lits/volume-{number}.nii", values, (1.0, 1.0, 1.0))
        scans.write(root / f"lits/segmentation-{number}.nii", label, (1.0, 1.0, 1.0))
    planned = plan(find("lits", root / "lits"), root / "cache", patients.RECIPE)
    assert not [o.error for o in run(planned, 1) if o.error]
    found = {case.name: case for case in Cache(root / "cache").dataset("lits").cases}
    return [found[f"volume-{number}"] for number in range(3)]


def slice_of(values, start, size, filled):
    """A box of (…, z, y, x) values that may reach beyond them."""
    edge = max(size) + max(values.shape)
    padded = np.pad(values, [(0, 0)] * (values.ndim - 3) + [(edge, edge)] * 3, constant_values=filled)
    return padded[(..., *(slice(s + edge, s + edge + n) for s, n in zip(start, size, strict=True)))]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("size", [(8, 16, 8), (64, 16, 16), (40, 48, 64), (1, 1, 1)])
def test_a_patch_is_a_slice_of_image_and_label(cases, number, size):
    case = cases[number]
    volume, scratch, rng = Volume(case, WINDOW), Scratch(), np.random.default_rng(0)
    image, label = image_of(case, WINDOW), case.label().read()
    starts = [
        tuple(int(rng.integers(-n - 2, m + 2)) for n, m in zip(size, label.shape, strict=True))
        for _ in range(40)
    ]
    starts += [volume.draw(size, ALL, rng) for _ in range(20)]
    for start in starts:
        found = volume.label(start, size)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, slice_of(label, start, size, 0))
        # Air lies below the window.
        np.testing.assert_array_equal(volume.image(start, size, scratch), slice_of(image, start, size, -1.0))


@pytest.mark.parametrize("size", [(8, 16, 8), (64, 16, 16), (40, 48, 64)])
def test_patches_lie_within_the_volume_or_hold_all_of_it(cases, size):
    volume, rng = Volume(cases[1], WINDOW), np.random.default_rng(0)
    drawn = np.array([volume.draw(size, ALL, rng) for _ in range(300)])
    for axis, (edge, n) in enumerate(zip(size, volume.shape, strict=True)):
        low, high = min(0, n - edge), max(0, n - edge)
        assert (drawn[:, axis].min() >= low) & (drawn[:, axis].max() <= high)
        # All places are drawn, near enough.
        assert np.ptp(drawn[:, axis]) > 0.7 * (high - low)


def test_every_second_patch_is_round_a_label_each_value_as_often(cases):
    volume, rng = Volume(cases[1], WINDOW), np.random.default_rng(0)
    # A patch of one voxel is its own middle.
    drawn = [int(volume.label(volume.draw((1, 1, 1), ALL, rng), (1, 1, 1)).item()) for _ in range(1500)]
    label = cases[1].label().read()
    counts = Counter(drawn)
    shares = {value: float(np.mean(label == value)) for value in (0, 1, 2, 5)}
    for value in (1, 2, 5):
        assert counts[value] / 1500 == pytest.approx(0.5 / 3 + 0.5 * shares[value], abs=0.04)
    assert counts[0] / 1500 == pytest.approx(0.5 * shares[0], abs=0.04)


def test_only_values_of_the_target_count_and_a_scan_without_them_is_drawn_from_anywhere(cases):
    rng = np.random.default_rng(0)
    volume = Volume(cases[1], WINDOW)
    drawn = [
        int(volume.label(volume.draw((1, 1, 1), frozenset({2, 7}), rng), (1, 1, 1)).item())
        for _ in range(400)
    ]
    assert np.mean(np.array(drawn) == 2) == pytest.approx(0.5, abs=0.08)
    empty = Volume(cases[2], WINDOW)
    places = {empty.draw((8, 8, 8), ALL, rng) for _ in range(50)}
    assert len(places) > 40


def test_the_same_draws_from_the_same_source_of_chance(cases):
    one, other = (
        [Volume(cases[1], None).draw((8, 8, 8), ALL, np.random.default_rng(n)) for n in range(9)]
        for _ in "ab"
    )
    assert one == other


@pytest.mark.parametrize("window", [None, (-100.0, 100.0)])
def test_ct_is_windowed_to_one_scale_for_all_patients(lits, window):
    low, high = window or (-1000.0, 1000.0)
    for case in lits.cases[:2]:
        hounsfield = case.voxels.read().astype(np.float64)
        expected = (np.clip(hounsfield, low, high) - low) / (high - low) * 2 - 1
        np.testing.assert_allclose(image_of(case, window), expected, atol=1e-6)


def test_other_modalities_have_mean_0_and_deviation_1_where_there_is_something(tmp_path):
    rng = np.random.default_rng(0)
    values = np.zeros((16, 20, 24), np.int16)
    values[3:13, 4:16, 4:20] = rng.normal(700, 90, (10, 12, 16))
    scans.write(tmp_path / "folder/a.nii.gz", values)
    planned = plan(find("folder", tmp_path / "folder"), tmp_path / "cache", patients.RECIPE, forced="mr")
    assert not [o.error for o in run(planned, 1) if o.error]
    (case,) = Cache(tmp_path / "cache").dataset("folder").cases
    image = image_of(case, WINDOW)
    inside = case.voxels.read() > case.record.intensities[0].air
    assert 0.24 < inside.mean() < 0.26
    assert (float(image[inside].mean()), float(image[inside].std())) == pytest.approx((0, 1), abs=1e-4)
    same = of_case(case, WINDOW)
    np.testing.assert_array_equal(same.apply(case.voxels.read()), image)
