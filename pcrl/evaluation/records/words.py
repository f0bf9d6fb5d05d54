"""Counts in words."""

from __future__ import annotations


def many(count: int, what: str) -> str:
    """`1 patient`, `3 patients`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
