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
        aligned: compiled convolutions of one channel, or to one, have eight.
        fused: SGD is one kernel.
        benchmark: cuDNN chooses its kernels by measuring.
        all_heads: the restoration heads of all levels run in all forward passes, as published, for their statistics.
        recompute: features within levels are computed again in the backward.
        cycling: levels are drawn at random, as in training; else all are the finest, from which the backward reaches
            everything.
        profile: the longest kernels are written to a text file.
        turn: rows of a lower one are measured first, in all suites.
    """

    name: str
    own: bool = True
    autocast: bool = True
    last: bool = True
    compiled: bool = True
    merged: bool = True
    aligned: bool = True
    fused: bool = True
    benchmark: bool = True
    all_heads: bool = True
    recompute: bool = False
    cycling: bool = False
    profile: bool = False
    turn: int = 3


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


_EAGER = Row("channels last", own=False, compiled=False, merged=False, aligned=False, turn=2)
_COMPILED = replace(_EAGER, name="compiled", compiled=True, profile=True, turn=0)
_OURS = Row("pcrl", profile=True, turn=0)
_OTHER = replace(_OURS, profile=False, turn=3)
_FIRST = (
    _COMPILED,
    _OURS,
    _EAGER,
    replace(_EAGER, name="autocast", last=False, turn=3),
    replace(_EAGER, name="float32", last=False, autocast=False, turn=3),
    replace(_OTHER, name="pcrl, not compiled", compiled=False, turn=2),
)
"""A competent user's step and pcrl's, then what each part of the first adds."""
_PARTS = (
    replace(_OTHER, name="pcrl, levels drawn", cycling=True, turn=1),
    replace(_OTHER, name="pcrl, not merged", merged=False),
    replace(_OTHER, name="pcrl, convolutions of one channel as they are", aligned=False),
    replace(_OTHER, name="pcrl, without fused SGD", fused=False),
    replace(_OTHER, name="merged and compiled, SGD and gradients of PyTorch", own=False),
    replace(_OTHER, name="pcrl, only the restoration heads that are asked for", all_heads=False),
    replace(_OTHER, name="pcrl, not compiled, recompute", compiled=False, recompute=True),
    replace(_OTHER, name="pcrl, without cudnn.benchmark", benchmark=False),
)
_ON_CPU = (
    replace(_EAGER, name="two layers", turn=0),
    replace(_OTHER, name="pcrl", compiled=False, turn=0),
    replace(_OTHER, name="pcrl, compiled", turn=0),
)

ON_GPU = (
    Suite("3D", "pcrlv2-3d", 32, _FIRST, ("3D", "compiled")),
    Suite("2D", "pcrlv2-2d", 64, _FIRST, ("2D", "compiled")),
    Suite("3D, one part at a time", "pcrlv2-3d", 32, _PARTS, ("3D", "pcrl")),
)
"""Which rows are measured first is their `turn`; what time does not allow is left out."""
ON_CPU = (
    Suite("small 3D", "cpu-3d", 8, _ON_CPU, ("small 3D", "two layers")),
    Suite("small 2D", "cpu-2d", 8, _ON_CPU, ("small 2D", "two layers")),
    Suite("published 3D", "pcrlv2-3d", 2, _ON_CPU, ("published 3D", "two layers")),
)


def named(suites: tuple[Suite, ...], suite: str, row: str) -> tuple[Suite, Row]:
    """A suite and its row by their names."""
    found = next(each for each in suites if each.name == suite)
    return found, next(each for each in found.rows if each.name == row)


def in_turn(suites: tuple[Suite, ...]) -> list[tuple[Suite, Row]]:
    """All rows with their suites, those that matter most first."""
    return sorted(((suite, row) for suite in suites for row in suite.rows), key=lambda pair: pair[1].turn)
