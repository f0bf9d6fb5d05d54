"""Slices become stacks: by series, plane, echo and time."""

import numpy as np
import pytest

from pcrl.datasets.dicom.header import read_header
from pcrl.datasets.dicom.placement import place, places
from pcrl.datasets.dicom.stacks import stacks_of
from tests.helpers import dicom

CORONAL, SAGITTAL = (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)


def frames(count=12, **more):
    stored = (dicom.body() + 1000).astype(np.uint16)
    return [{"values": stored[n % 12], "place": dicom.position(n)} | more for n in range(count)]


def stacks(path):
    return stacks_of([read_header(path)])


def parts(path):
    return sorted((stack.part, len(stack.frames)) for stack in stacks(path).found)


def test_frames_are_put_in_order(tmp_path):
    listed = frames()
    shuffled = [listed[n] for n in np.random.default_rng(0).permutation(12)]
    (stack,) = stacks(dicom.enhanced(tmp_path / "a.dcm", shuffled)).found
    order = [index for (index,) in places(stack.frames)]
    placed = place([stack.frames[index] for index in order])
    np.testing.assert_allclose(placed.origin, dicom.position(0))
    np.testing.assert_allclose(placed.step, (0, 0, dicom.STEP))


@pytest.mark.parametrize(("key", "values"), [("echo", (10, 80)), ("time", (1, 2))])
def test_echoes_and_times_are_stacks_of_their_own(tmp_path, key, values):
    path = dicom.enhanced(tmp_path / "a.dcm", [f for value in values for f in frames(**{key: value})])
    assert parts(path) == [(f"{key}1", 12), (f"{key}2", 12)]


def test_echoes_of_several_times(tmp_path):
    listed = [f for echo in (10, 80) for time in (1, 2, 3) for f in frames(echo=echo, time=time)]
    assert parts(dicom.enhanced(tmp_path / "a.dcm", listed)) == [
        (f"echo{echo}-time{time}", 12) for echo in (1, 2) for time in (1, 2, 3)
    ]


def test_b_values_and_directions(tmp_path):
    listed = frames(b=0) + [
        f for gradient in ((1, 0, 0), (0, 1, 0)) for f in frames(b=1000, gradient=gradient)
    ]
    assert parts(dicom.enhanced(tmp_path / "a.dcm", listed)) == [
        ("b1", 12), ("b2-direction1", 12), ("b2-direction2", 12),
    ]  # fmt: skip


def test_one_slice_at_many_times_is_no_volume(tmp_path):
    listed = [frames()[5] | {"time": time} for time in range(20)]
    found = stacks(dicom.enhanced(tmp_path / "a.dcm", listed))
    assert found.found == []
    assert "too few at each time" in next(iter(found.left_out))


def test_times_that_differ_for_every_slice_split_nothing(tmp_path):
    listed = [frame | {"time": number} for number, frame in enumerate(frames())]
    assert parts(dicom.enhanced(tmp_path / "a.dcm", listed)) == [("", 12)]


def test_packages_with_a_gap_between_are_stacks_of_their_own(tmp_path):
    upper = [frame | {"place": dicom.position(20 + n), "stack": "2"} for n, frame in enumerate(frames())]
    assert parts(dicom.enhanced(tmp_path / "a.dcm", frames() + upper)) == [("stack1", 12), ("stack2", 12)]


def test_a_missing_slice_makes_no_packages(tmp_path):
    listed = [frame | {"time": number} for number, frame in enumerate(frames())]
    assert parts(dicom.enhanced(tmp_path / "a.dcm", listed[:5] + listed[6:])) == [("", 11)]


def test_a_localiser_of_three_planes_is_left_out(tmp_path):
    listed = [f for plane in (dicom.AXIAL, CORONAL, SAGITTAL) for f in frames(3, orientation=plane)]
    found = stacks(dicom.enhanced(tmp_path / "a.dcm", listed))
    assert found.found == []
    assert "localiser: 3 planes" in next(iter(found.left_out))
    assert sum(found.left_out.values()) == 9


def test_a_scout_in_a_series_is_left_out(tmp_path):
    folder = dicom.series(tmp_path / "s")
    scout = dicom.ct_slice(dicom.body()[3], 99, (0, 0, 0), orientation=CORONAL, series="series")
    dicom.save(scout, folder / "scout.dcm")
    found = stacks_of(read_header(path) for path in sorted(folder.iterdir()))
    assert [len(stack.frames) for stack in found.found] == [12]
    assert sum(found.left_out.values()) == 1


def test_few_slices_are_no_volume(tmp_path):
    folder = dicom.series(tmp_path / "s", dicom.body()[:3])
    found = stacks_of(read_header(path) for path in folder.iterdir())
    assert found.found == []
    assert "too few" in next(iter(found.left_out))


def test_one_series_identifier_of_two_patients_is_two_stacks(tmp_path):
    for patient in ("P1", "P2"):
        dicom.series(tmp_path / "s", names=patient + "{:03}", patient=patient)
    found = stacks_of(read_header(path) for path in sorted((tmp_path / "s").iterdir()))
    assert [stack.person.id for stack in found.found] == ["P1", "P2"]
