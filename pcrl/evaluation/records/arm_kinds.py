"""The arms that can be asked for, by name; what each is, `pcrl.evaluation.arms` knows."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from pcrl.config import OBJECTIVES

ARM_KINDS = ("pretrained", "scratch", "scratch-long", "permuted", "shuffled", *OBJECTIVES)
"""An arm called like an objective begins with the newest run of that objective."""


def _known(name: str) -> str:
    if name not in ARM_KINDS:
        raise ValueError(f"no arm {name!r}; there are {', '.join(ARM_KINDS)}")
    return name


ArmKind = Annotated[str, AfterValidator(_known)]
