"""The arms that can be asked for, by name; what each is, `pcrl.evaluation.arms` knows."""

from __future__ import annotations

from typing import Literal, get_args

ArmKind = Literal[
    "pretrained", "scratch", "scratch-long", "permuted", "restoration", "comparison", "shuffled"
]
ARM_KINDS: tuple[ArmKind, ...] = get_args(ArmKind)
