"""Label values to what is learnt, answers to masks: against NumPy, and losses against their formula."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pcrl.datasets.layouts.volumes.brats import LABELS, LATER_LABELS
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.segmentation.datasets import brats, lits
from pcrl.evaluation.tasks.segmentation.target import CROSS_ENTROPY, Target

GROUPED = Target(("organ", "lesion"), ((1, 2), (4,)), (1, 4))
NESTED = Target(("all", "core"), ((1, 2, 4), (1, 4)), (2, 1), overlapping=True, missing_distance=373.13)
PEDIATRIC = {1: "enhancing tumour", 2: "non-enhancing tumour", 3: "cystic component", 4: "oedema"}
REGIONS = Target.of_regions({"core": (2, 3), "whole": (1, 2, 3), "enhancing": (3,), "cyst": (5,)})
VALUES = st.floats(-4, 4, width=32)


@given(arrays(np.float32, st.tuples(st.integers(2, 6), *[st.integers(1, 4)] * 3), elements=VALUES))
def test_classes_that_exclude_each_other_are_those_of_the_highest_answer(answers):
    target = Target.of_values({n: f"label {n}" for n in range(1, len(answers))})
    kept = answers.copy()
    masks = target.masks(answers)
    expected = answers.argmax(axis=0)
    for number, mask in enumerate(masks, 1):
        np.testing.assert_array_equal(mask, expected == number)
    # One at a time, as from another grid, and nothing of it is changed.
    for one, other in zip(target.masks(iter(answers)), masks, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(kept, answers)


@given(arrays(np.float32, st.tuples(st.just(2), *[st.integers(1, 4)] * 3), elements=VALUES))
def test_each_overlapping_region_is_found_for_itself_and_holds_the_inner_ones(scores):
    found = NESTED.probabilities(torch.from_numpy(scores)).numpy()
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-scores)), rtol=1e-5)
    outer, inner = NESTED.masks(found)
    np.testing.assert_array_equal(inner, found[1] > 0.5)
    np.testing.assert_array_equal(outer, (found > 0.5).any(axis=0))
    painted = NESTED.painted([outer, inner])
    for region, mask in enumerate((outer, inner)):
        np.testing.assert_array_equal(NESTED.mask(painted, region), mask)


def test_many_classes_do_not_overflow():
    target = Target.of_values({n: str(n) for n in range(1, 300)})
    answers = np.zeros((300, 1, 1, 2), np.float32)
    answers[299, 0, 0, 0] = answers[257, 0, 0, 1] = 1
    masks = target.masks(answers)
    assert [number for number, mask in enumerate(masks, 1) if mask.any()] == [257, 299]


def test_probabilities_of_classes_sum_to_one():
    found = GROUPED.probabilities(torch.randn(3, 2, 2, 2, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(found.sum(dim=0), torch.ones(2, 2, 2))


def test_regions_group_label_values():
    label = np.array([0, 1, 2, 3, 4])
    assert (GROUPED.outputs, NESTED.outputs) == (3, 2)
    np.testing.assert_array_equal(GROUPED.mask(label, 0), [0, 1, 1, 0, 0])
    np.testing.assert_array_equal(GROUPED.mask(label, 1), [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(NESTED.mask(label, 0), [0, 1, 1, 0, 1])


def test_a_later_region_is_painted_over_an_earlier_one():
    whole, core = np.array([[[1, 1, 1, 0]]], bool), np.array([[[0, 1, 0, 1]]], bool)
    painted = NESTED.painted([whole, core])
    assert painted.dtype == np.uint16
    np.testing.assert_array_equal(painted, [[[2, 1, 2, 1]]])


@pytest.mark.parametrize(
    "target",
    [*map(brats.target, (LABELS, LATER_LABELS, PEDIATRIC)), lits.TARGETS["tumour"], GROUPED, REGIONS],
)  # fmt: skip
def test_what_is_painted_is_of_the_regions_it_was_painted_from(target):
    values = sorted({value for group in target.values for value in group})
    label = np.array(values).reshape(1, 1, -1)
    masks = [target.mask(label, region) for region in range(len(target.names))]
    again = target.painted(masks)
    for region, mask in enumerate(masks):
        np.testing.assert_array_equal(target.mask(again, region), mask)


@pytest.mark.parametrize("target", [GROUPED, NESTED, brats.target(LABELS), REGIONS, *lits.TARGETS.values()])
def test_plain_and_back_through_json(target):
    assert Target.from_plain(json.loads(json.dumps(target.plain()))) == target


def dice_loss(p, truth):
    """1 − (2 Σ p·t + ε) / (Σ p + Σ t + ε) of each channel, averaged; ε as MONAI's."""
    common, total = (p * truth).sum((2, 3, 4)), p.sum((2, 3, 4)) + truth.sum((2, 3, 4))
    return (1 - (2 * common + 1e-5) / (total + 1e-5)).mean()


def drawn(outputs):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, outputs, 2, 3, 4))
    return scores, rng.choice([0, 1, 2, 3, 4], (2, 2, 3, 4))


def test_loss_of_classes_is_dice_and_cross_entropy():
    scores, label = drawn(3)
    # Value 3 is in no region: background.
    truth = np.stack([np.isin(label, group) for group in ((0, 3), (1, 2), (4,))], axis=1)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = dice_loss(p, truth) - np.log(p[truth.nonzero()]).mean()
    found = GROUPED.loss(torch.from_numpy(scores), torch.from_numpy(label))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_loss_of_regions_is_dice_and_a_little_cross_entropy_of_each():
    scores, label = drawn(2)
    truth = np.stack([np.isin(label, group) for group in NESTED.values], axis=1)
    p = 1 / (1 + np.exp(-scores))
    entropy = -np.where(truth, np.log(p), np.log(1 - p)).mean()
    found = NESTED.loss(torch.from_numpy(scores), torch.from_numpy(label))
    assert float(found) == pytest.approx(dice_loss(p, truth) + CROSS_ENTROPY * entropy, rel=1e-5)


@pytest.mark.parametrize("target", [GROUPED, NESTED])
def test_the_truth_costs_least(target):
    _, label = drawn(0)
    regions = [np.isin(label, group) for group in target.values]
    channels = regions if target.overlapping else [~np.any(regions, axis=0), *regions]
    right = torch.from_numpy(np.stack(channels, axis=1).astype(np.float32) * 40 - 20)
    assert float(target.loss(right, torch.from_numpy(label))) < 1e-4
    assert float(target.loss(-right, torch.from_numpy(label))) > 1


def test_regions_of_brats_follow_what_values_mean():
    assert brats.target(LABELS).values == ((1, 2, 4), (1, 4), (4,))
    assert brats.target(LATER_LABELS).values == ((1, 2, 3), (1, 3), (3,))
    assert brats.target(PEDIATRIC).values == ((1, 2, 3, 4), (1, 2, 3), (1,))
    for names in ({}, {1: "label 1"}, {1: "enhancing tumour", 4: "oedema"}):
        with pytest.raises(ProtocolError, match=r"Say what they mean in labels\.csv"):
            brats.target(names)


def test_regions_lie_with_the_larger_ones_first_and_hold_only_those_within_them():
    assert REGIONS.names == ("whole", "core", "enhancing", "cyst")
    assert REGIONS.paint == (1, 2, 3, 5)
    assert REGIONS.overlapping
    probabilities = np.zeros((4, 1, 1, 3), np.float32)
    probabilities[2, 0, 0, 0] = probabilities[3, 0, 0, 1] = 1
    whole, core, enhancing, cyst = REGIONS.masks(probabilities)
    np.testing.assert_array_equal(whole, [[[1, 0, 0]]])
    np.testing.assert_array_equal(core, whole)
    np.testing.assert_array_equal(enhancing, whole)
    np.testing.assert_array_equal(cyst, [[[0, 1, 0]]])


IGNORING = [
    Target(GROUPED.names, GROUPED.values, GROUPED.paint, ignored=3),
    Target(NESTED.names, NESTED.values, NESTED.paint, overlapping=True, ignored=3),
]


@pytest.mark.parametrize(("target", "plain"), [(IGNORING[0], GROUPED), (IGNORING[1], NESTED)])
def test_ignored_voxels_cost_nothing(target, plain):
    scores, label = drawn(target.outputs)
    scores, label = torch.from_numpy(scores), torch.from_numpy(label)
    before = target.loss(scores, label)
    changed = torch.where(label[:, None] == 3, torch.tensor(50.0, dtype=scores.dtype), scores)
    torch.testing.assert_close(target.loss(changed, label), before)
    # Without any to ignore, it is the loss of all voxels.
    label[label == 3] = 0
    torch.testing.assert_close(target.loss(scores, label), plain.loss(scores, label), rtol=1e-5, atol=1e-6)
    label[:] = 3
    assert torch.isfinite(target.loss(scores, label))


def test_ignored_voxels_are_in_no_mask():
    masks = [np.array([[[1, 1, 0, 1]]], bool)]
    label = np.array([[[1, 3, 3, 0]]])
    np.testing.assert_array_equal(IGNORING[0].counted(masks, label)[0], [[[1, 0, 0, 1]]])
    np.testing.assert_array_equal(GROUPED.counted(masks, label)[0], masks[0])
