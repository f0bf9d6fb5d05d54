"""Why a case cannot go into the cache."""

from __future__ import annotations


class IngestError(ValueError):
    """A case that cannot go into the cache; the message names the file and the reason."""
