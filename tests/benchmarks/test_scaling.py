"""The model of many GPUs, by hand."""

from dataclasses import fields, replace

import pytest
from scaling.model import SOURCES, Parts, modelled

from pcrl.config import load_recipe
from pcrl.models.networks import build

PARTS = Parts(
    step_ms=100, batch=10, gradient_mb=100, norm_messages=10, jitter=0, local_gbs=100, machine_gbs=10
)


def test_parts_are_added_up():
    one, eight, sixteen = (modelled(PARTS, gpus) for gpus in (1, 8, 16))
    assert (one.samples, one.efficiency, one.gradients_ms) == (100, 1, 0)
    assert eight.gradients_ms == pytest.approx(2 * 7 / 8 * 1)
    assert sixteen.gradients_ms == pytest.approx(2 * 7 / 8 * 1 + 10)
    assert eight.norms_ms == pytest.approx(10 * PARTS.local_us / 1e3)
    assert sixteen.norms_ms == pytest.approx(10 * (PARTS.local_us + PARTS.machine_us) / 1e3)
    step = 100 + sixteen.gradients_ms + sixteen.norms_ms
    assert sixteen.samples == pytest.approx(16 * 10 / step * 1e3)
    assert sixteen.efficiency == pytest.approx(100 / step)


def test_what_gives_way_is_named():
    assert "data set" in modelled(replace(PARTS, cases=1), 64).first_to_give_way
    assert "cores" in modelled(replace(PARTS, core_samples=1), 8).first_to_give_way
    assert "storage" in modelled(replace(PARTS, storage_mbs=1, memory_gb=1), 8).first_to_give_way
    assert "BatchNorms" in modelled(replace(PARTS, local_us=1e4), 8).first_to_give_way


def test_every_part_has_a_source_and_gradients_are_those_of_the_published_network():
    assert [part.name for part in fields(Parts)] == list(SOURCES)
    network = build(load_recipe("pcrlv2-3d").model)
    assert 4e-6 * sum(p.numel() for p in network.parameters()) == pytest.approx(Parts().gradient_mb, rel=0.01)
