"""The names of the arms; `pcrl.evaluation.arms` builds them. Imports nothing heavy, as `--help` needs it."""

from __future__ import annotations

from collections.abc import Sequence

ARMS = ("pretrained", "scratch", "scratch-long", "permuted", "shuffled")
"""The arms that always exist. An arm named after an objective starts from the newest run with that objective."""


def known_arms() -> tuple[str, ...]:
    """The names of all arms: `ARMS`, and those of all objectives."""
    from pcrl.config import OBJECTIVES

    return (*ARMS, *OBJECTIVES)


def check_arms(arms: Sequence[str]) -> None:
    """Check that at least one arm is named, and that every name is one of an arm.

    Raises:
        ValueError: it lists the arms.
    """
    names = ", ".join(known_arms())
    if not arms:
        raise ValueError(f"no arm was given; there are {names}")
    if unknown := [arm for arm in arms if arm not in known_arms()]:
        raise ValueError(f"no arm {unknown[0]!r}; there are {names}")
