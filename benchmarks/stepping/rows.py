"""What is measured: rows that differ from each other in one thing, in suites of one recipe and batch."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Row:
    """One way to do a training step.

    Args:
        own: pcrl's `Stepper` (flat gradients, its optimiser; on a CPU freed memory stays with the process); else the
            loop of PyTorch's tutorials, with its SGD.
        autocast: in bfloat16 where the device multiplies in it.
        last: channels last.
        compiled: the forward passes are.
        merged: up-samplings and the convolutions after them run as one.
        fused: SGD is one kernel.
        benchmark: cuDNN chooses its kernels by measuring.
        all_heads: the restoration heads of all levels run in all forward passes, as published, for their statistics.
        recompute: features within levels are computed again in the backward.
        cycling: levels are drawn at random, as in training; else all are the finest, from which the backward reaches
            everything.
        profile: the longest kernels are written to a text file.
    """

    name: str
    own: bool = True
    autocast: bool = True
    last: bool = True
    compiled: bool = True
    merged: bool = True
    fused: bool = True
    benchmark: bool = True
    all_heads: bool = True
    recompute: bool = False
    cycling: bool = False
    profile: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """Rows on one recipe.

    Args:
        batch: samples.
        reference: suite and name of the row that others are compared with.
    """

    name: str
    recipe: str
    batch: int
    rows: tuple[Row, ...]
    reference: tuple[str, str]


_EAGER = Row("channels last", own=False, compiled=False, merged=False)
_COMPILED = replace(_EAGER, name="compiled", compiled=True, profile=True)
_OURS = Row("pcrl", profile=True)
_FIRST = (
    _COMPILED,
    _OURS,
    _EAGER,
    replace(_EAGER, name="autocast", last=False),
    replace(_EAGER, name="float32", last=False, autocast=False),
    replace(_OURS, name="pcrl, not compiled", compiled=False, profile=False),
)
"""A competent user's step and pcrl's, then what each part of the first adds."""
_PARTS = (
    replace(_OURS, name="pcrl, levels drawn", cycling=True, profile=False),
    replace(_OURS, name="pcrl, not merged", merged=False, profile=False),
    replace(_OURS, name="pcrl, without fused SGD", fused=False, profile=False),
    replace(_OURS, name="merged and compiled, SGD and gradients of PyTorch", own=False, profile=False),
    replace(
        _OURS, name="pcrl, only the restoration heads that are asked for", all_heads=False, profile=False
    ),
    replace(_OURS, name="pcrl, not compiled, recompute", compiled=False, recompute=True, profile=False),
    replace(_OURS, name="pcrl, without cudnn.benchmark", benchmark=False, profile=False),
)
_ON_CPU = (
    replace(_EAGER, name="two layers"),
    replace(_OURS, name="pcrl", compiled=False, profile=False),
    replace(_OURS, name="pcrl, compiled", profile=False),
)

ON_GPU = (
    Suite("3D", "pcrlv2-3d", 32, _FIRST, ("3D", "compiled")),
    Suite("2D", "pcrlv2-2d", 64, _FIRST, ("2D", "compiled")),
    Suite("3D, one part at a time", "pcrlv2-3d", 32, _PARTS, ("3D", "pcrl")),
)
"""In order of importance: what time does not allow is left out."""
ON_CPU = (
    Suite("small 3D", "cpu-3d", 8, _ON_CPU, ("small 3D", "two layers")),
    Suite("small 2D", "cpu-2d", 8, _ON_CPU, ("small 2D", "two layers")),
    Suite("published 3D", "pcrlv2-3d", 2, _ON_CPU, ("published 3D", "two layers")),
)


def named(suites: tuple[Suite, ...], suite: str, row: str) -> tuple[Suite, Row]:
    """A suite and its row by their names."""
    found = next(each for each in suites if each.name == suite)
    return found, next(each for each in found.rows if each.name == row)
