"""The arms that can be asked for, by name; what each is, `pcrl.evaluation.arms` knows. Light, as `--help` needs it."""

from __future__ import annotations

from collections.abc import Sequence

ARMS = ("pretrained", "scratch", "scratch-long", "permuted", "shuffled")
"""The arms that there always are. An arm called like an objective begins with the newest run of that objective."""


def known_arms() -> tuple[str, ...]:
    """All of them: `ARMS`, and the names of all objectives."""
    from pcrl.config import OBJECTIVES

    return (*ARMS, *OBJECTIVES)


def check_arms(arms: Sequence[str]) -> None:
    """Refuse names that no arm has, and to compare nothing.

    Raises:
        ValueError: it says which there are.
    """
    there = ", ".join(known_arms())
    if not arms:
        raise ValueError(f"no arm; there are {there}")
    if unknown := [arm for arm in arms if arm not in known_arms()]:
        raise ValueError(f"no arm {unknown[0]!r}; there are {there}")
