"""The size of weights before a BatchNorm: it changes nothing that a network says, only how fast it learns."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pcrl.evaluation.arms.arm import State

CONV, NORM = ".conv.weight", ".norm."


def rescaled(state: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> State:
    """The same network with every convolution before a norm as large as that of fresh weights.

    Kernel, bias and the norm's running statistics are scaled together, so that the norm takes it back.
    """
    found = dict(state)
    for name in state:
        unit = name.removesuffix(CONV)
        if unit == name or f"{unit}{NORM}running_var" not in state:
            continue
        factor = fresh[name].norm() / state[name].norm()
        for part, power in (
            (".conv.weight", 1),
            (".conv.bias", 1),
            (".norm.running_mean", 1),
            (".norm.running_var", 2),
        ):
            if unit + part in state:
                found[unit + part] = state[unit + part] * factor**power
    return found


def growth(state: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> float:
    """By how much the kernels of the encoder are larger than fresh ones, geometric mean."""
    ratios = [
        (state[name].norm() / fresh[name].norm()).log()
        for name in state
        if name.startswith("encoder.") and name.endswith(CONV)
    ]
    return float((sum(ratios) / len(ratios)).exp())  # type: ignore[union-attr]
