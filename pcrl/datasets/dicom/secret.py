"""The secret that turns patient IDs into names which nobody can turn back, kept by the user, outside any cache."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from pcrl.datasets.case import LayoutError

VARIABLE = "PCRL_SECRET"


@dataclass(frozen=True, slots=True)
class Secret:
    """A key.

    Args:
        note: what a user should know of where it comes from; empty if nothing.
    """

    key: bytes
    note: str = ""

    @property
    def digest(self) -> str:
        """Tells secrets apart, and nothing of what they are."""
        return self.name("digest of the secret", 16)

    def name(self, text: str, length: int = 20) -> str:
        """HMAC-SHA256 of a text, as hex: the same wherever the secret is the same."""
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:length]


def file() -> Path:
    """`~/.config/pcrl/secret`, or where XDG_CONFIG_HOME says."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pcrl" / "secret"


def secret() -> Secret:
    """`$PCRL_SECRET`, or the file, which is made if it is not there.

    Raises:
        LayoutError: it cannot be read or made, or is empty.
    """
    given = os.environ.get(VARIABLE)
    if given:
        short = (
            "" if len(given) >= 16 else f"${VARIABLE} is short: names of patients made with it can be guessed"
        )
        return Secret(given.encode(), short)
    path = file()
    try:
        made = not path.exists()
        if made:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as opened:
                opened.write(secrets.token_hex(32) + "\n")
        key = path.read_bytes().strip()
    except OSError as error:
        raise LayoutError(
            f"{path}: cannot be read or made ({error.strerror}): names of patients are made of their DICOM PatientID "
            f"with a secret; give one in ${VARIABLE}"
        ) from error
    if not key:
        raise LayoutError(f"{path} is empty; expected a secret: remove the file, or put one there")
    note = (
        f"{path} was made: names of patients are made of their DICOM PatientID with this secret. Keep it: with "
        "another, a person has another name and may be on another side of the split"
    )
    return Secret(key, note if made else "")
