"""Notes: what a user should know although nothing went wrong."""

from __future__ import annotations

import logging


def log_note(text: str) -> None:
    """What becomes of a note where nobody shows it otherwise: a warning of the logger `pcrl`, by default on stderr."""
    logging.getLogger("pcrl").warning("%s", text)
