"""Errors of reading files that are not ours."""

from __future__ import annotations


class ReadError(ValueError):
    """A scan that cannot be read; the message names the file, what was found and what was expected."""


class ScanError(ValueError):
    """Values that cannot be what they are said to be."""
