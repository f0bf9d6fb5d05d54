"""What is drawn: boxes that overlap, hold tissue, stay where they may; the same for the same key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pcrl.config import Corruption, Views
from pcrl.engine.geometry.box import Box
from pcrl.engine.volumes.prepare import CELL
from pcrl.engine.volumes.tissue import Tissue
from pcrl.engine.volumes.views import plan_views, possible_pairs
from pcrl.kernels.streams import sample_key

VIEWS = Views()
LARGE = (300, 340, 350)


def tissue(shape, foreground=1.0, dense=0.0):
    cells = [-(-n // CELL) for n in shape]
    occupancy = np.stack([np.full(cells, foreground, np.float32), np.full(cells, dense, np.float32)])
    return Tissue(occupancy, shape)


def plans(shape, count, rule="foreground", views=VIEWS, filled=None):
    tissues = [filled or tissue(shape)]
    return [plan_views(sample_key(0, 0, n), shape, tissues, rule, views, Corruption()) for n in range(count)]


def test_a_plan_is_a_function_of_its_key():
    a, b, c = (plan_views(k, LARGE, [tissue(LARGE)], "foreground", VIEWS, Corruption()) for k in (1, 1, 2))
    assert repr(a) == repr(b) != repr(c)


def test_globals_overlap_keep_their_margin_and_locals_lie_in_their_union():
    for plan in plans(LARGE, 200):
        first, second = plan.views[0].box, plan.views[1].box
        assert not plan.fallback
        assert first.iou(second) >= 0.3
        for box in (first, second):
            assert box.size in VIEWS.global_boxes
            for a, b, n, margin in zip(box.start, box.stop, LARGE, VIEWS.margin, strict=True):
                assert margin <= a <= b <= n - margin
        assert plan.region == first.union(second)
        for view in plan.views[2:]:
            assert view.box.size in VIEWS.local_boxes
            assert plan.region.union(view.box) == plan.region


def test_parameters_follow_their_distributions():
    views = [view for plan in plans(LARGE, 300) for view in plan.views]
    assert np.mean([view.flip for view in views]) == pytest.approx(0.5, abs=0.05)
    for values, top in (
        ([v.corruption.noise for v in views], 0.25),
        ([v.corruption.blur[1] for v in views], 2.0),
    ):
        assert stats.kstest(np.array(values) / top, "uniform").pvalue > 1e-3
    log_gamma = np.log([view.corruption.gamma for view in views])
    assert stats.kstest(log_gamma, "uniform", (-0.3, 0.6)).pvalue > 1e-3
    scales = np.array([np.linalg.norm(view.matrix, axis=0) for view in views])
    assert scales.min() > 0.89
    assert scales.max() < 1.11
    assert all((view.corruption.swap_key is None) == (n % 8 >= 2) for n, view in enumerate(views))


def test_pairs_that_can_never_overlap_enough_are_left_out():
    small, large = VIEWS.global_boxes.index((32, 64, 64)), VIEWS.global_boxes.index((64, 112, 112))
    pairs = possible_pairs(LARGE, VIEWS)
    assert (small, large) not in pairs
    assert (small, small) in pairs
    drawn = {(p.views[0].box.size, p.views[1].box.size) for p in plans(LARGE, 300)}
    assert len(drawn) == len(pairs)


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.integers(1, 130)] * 3))
def test_a_volume_of_any_size_gives_a_plan(shape):
    for plan in plans(shape, 3):
        for view in plan.views[:2]:
            for a, b, n in zip(view.box.start, view.box.stop, shape, strict=True):
                # Inside where it fits, and around the whole volume where it does not.
                assert (a >= 0 and b <= n) or (a <= 0 and b >= n)


def test_boxes_of_air_are_refused_and_the_fallback_is_counted():
    cells = [-(-n // CELL) for n in LARGE]
    half = np.zeros((2, *cells), np.float32)
    half[0, :, : cells[1] // 2] = 1
    filled = Tissue(half, LARGE)
    for plan in plans(LARGE, 100, filled=filled):
        assert not plan.fallback
        assert min(filled.foreground(view.box) for view in plan.views[:2]) >= 0.1
    assert all(plan.fallback for plan in plans(LARGE, 5, filled=tissue(LARGE, 0)))


def test_lung_rule_refuses_dense_boxes_by_size():
    drawn = [
        view.box.size
        for plan in plans(LARGE, 100, "lung", filled=tissue(LARGE, 1, 0.5))
        for view in plan.views[:2]
    ]
    assert (32, 64, 64) not in drawn
    assert {(64, 96, 96), (96, 96, 96), (64, 112, 112)} <= set(drawn)


def test_channels_are_all_drawn():
    tissues = [tissue(LARGE)] * 4
    channels = [
        plan_views(sample_key(0, 0, n), LARGE, tissues, "foreground", VIEWS, Corruption()).channel
        for n in range(100)
    ]
    assert set(channels) == {0, 1, 2, 3}


def test_iou_by_hand():
    assert Box((0, 0, 0), (2, 2, 2)).iou(Box((1, 0, 0), (2, 2, 2))) == pytest.approx(4 / 12)
    assert Box((0, 0, 0), (2, 2, 2)).iou(Box((5, 0, 0), (2, 2, 2))) == 0
