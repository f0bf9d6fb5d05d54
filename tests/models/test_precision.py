"""bfloat16 only where it is no detour, and never in logits."""

from __future__ import annotations

import pytest
import torch

from pcrl.config import load_recipe
from pcrl.models import precision
from pcrl.models.classifier import build_classifier

CPU = torch.device("cpu")


@pytest.mark.parametrize("units", [True, False])
def test_cpus_compute_in_bfloat16_only_with_units_for_it(monkeypatch, units):
    monkeypatch.setattr(precision, "_matrix_units", lambda: units)
    with precision.autocast(CPU):
        found = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert found == precision.in_use(CPU) == (torch.bfloat16 if units else torch.float32)


def test_float32_within(monkeypatch):
    monkeypatch.setattr(precision, "_matrix_units", lambda: True)
    with precision.autocast(CPU), precision.float32(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_a_torch_that_does_not_tell_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    precision._matrix_units.cache_clear()
    try:
        with precision.autocast(CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    finally:
        precision._matrix_units.cache_clear()


def test_logits_are_not_rounded_to_bfloat16(monkeypatch):
    monkeypatch.setattr(precision, "_matrix_units", lambda: True)
    model = build_classifier(load_recipe("cpu-2d", []).model, 3, None).eval()
    with torch.no_grad(), precision.autocast(CPU):
        logits = model(torch.rand(2, 3, 32, 32))
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())
