"""Lists: in messages (`1 case`, `2 cases`; the first few, and how many more there are), and in arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


def several(given: Iterable[Item]) -> tuple[Item, ...]:
    """What is given where several may be; a single text or path is one, not its letters."""
    return (given,) if isinstance(given, str | Path) else tuple(given)  # type: ignore[return-value]


def few(items: Iterable[str], shown: int = 3) -> str:
    """`a, b, c and 4 more`."""
    listed = list(items)
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more


def counted(number: int, what: str) -> str:
    """`1 case`, `2 cases`; for words whose plural has an s."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


_MEASURED = re.compile(r"\d+\.\d+|\d[\d,]{2,}")


def alike(notes: Iterable[tuple[str, str]], what: str = "case") -> list[str]:
    """Notes on many things, each kind said once: `volume-3: …`, or `… (12 cases: volume-0, volume-1 and 10 more)`.

    Args:
        notes: what each is on, and its text. Texts that differ only in what was measured are of one kind: the first
            stands for all of them.
        what: what is counted.
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, text in dict.fromkeys(notes):
        kinds.setdefault(_MEASURED.sub("#", text), []).append((name, text))
    lines = []
    for those in kinds.values():
        (name, text), names = those[0], list(dict.fromkeys(name for name, _ in those))
        if len(names) == 1:
            lines += [f"{name}: {each}" for _, each in those]
            continue
        whose = "" if len({text for _, text in those}) == 1 else f"; the numbers are those of {name}"
        lines.append(f"{text} ({counted(len(names), what)}: {few(names)}{whose})")
    return lines
