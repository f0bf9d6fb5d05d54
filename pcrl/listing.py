"""Lists: in messages (`1 case`, `2 cases`; the first few, and how many more there are), and in arguments."""

from __future__ import annotations

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
