"""Errors of evaluations."""

from __future__ import annotations


class ProtocolError(ValueError):
    """An evaluation that would mean nothing; the message says why, and what to do."""
