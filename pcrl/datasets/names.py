"""Names of cases and data sets: out of whatever files are called, safe as a file name, unique, and always the same."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from pcrl.datasets.case import Case, LayoutError

LONGEST = 160
"""Bytes of a name: file systems take 255, and files of an evaluation carry more than the case's name."""
_DIGEST = 8


def safe_name(text: str) -> str:
    """A name that is safe as a file name: letters and digits of any script, dot, dash and underscore.

    Bytes that are no UTF-8 count as dashes. What is longer than `LONGEST` bytes is cut, and ends in a digest.
    """
    plain = unicodedata.normalize("NFC", text)
    name = re.sub(r"[^\w.-]+", "-", plain).strip("-.") or "case"
    if len(name.encode()) <= LONGEST:
        return name
    return _with_digest(name.encode()[: LONGEST - _DIGEST - 1].decode(errors="ignore"), text)


def ascii_name(name: str) -> str:
    """The same in ASCII, for file systems that hold nothing else: with a digest where letters had to go."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    return name if plain == name else _with_digest(plain or "case", name)


def other_name(name: str, source: str) -> str:
    """A name for what comes from `source`, where `name` is another's already."""
    return _with_digest(name, source)


def printable(text: str) -> str:
    r"""A path or message that can be printed and stored: bytes that are no UTF-8, and line breaks, as `\x81`."""
    shown = os.fsencode(text).decode("utf-8", "backslashreplace") if not _is_utf8(text) else text
    return "".join(
        one if one.isprintable() or one == " " else one.encode("unicode_escape").decode() for one in shown
    )


def is_plain(text: str) -> bool:
    """Whether a path is UTF-8 on one line, so that every library can be given it."""
    return _is_utf8(text) and text.isprintable()


def with_safe_names(cases: Iterable[Case]) -> list[Case]:
    """The cases by safe names; `source_name` keeps what their files call them.

    Of several that come to one name (also where only capitals differ, which some file systems do not tell apart), the
    one whose files are called just so keeps it, and the others get a digest of their files' name: the same at every
    ingest, whatever else there is. A case that is its own patient stays so.

    Raises:
        LayoutError: files of two cases are called the same.
    """
    listed = list(cases)
    called: dict[str, Case] = {}
    for case in listed:
        if (first := called.setdefault(case.name, case)) is not case:
            raise LayoutError(
                f"{printable(str(first.channels[0]))} and {printable(str(case.channels[0]))} would both be case "
                f"{printable(case.name)}: rename one"
            )
    safe = [safe_name(case.name) for case in listed]
    count = Counter(name.casefold() for name in safe)
    named = []
    for case, name in zip(listed, safe, strict=True):
        if count[name.casefold()] > 1 and name != case.name:
            name = other_name(name, case.name)
        named.append(renamed(case, name))
    return named


def renamed(case: Case, name: str) -> Case:
    """A case by another name, which is its patient's too if the case was its own patient."""
    if name == case.name:
        return case
    patient = name if case.patient == case.name else case.patient
    return replace(case, name=name, patient=patient, source_name=case.source_name or case.name)


def _with_digest(name: str, text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGEST]
    return f"{name.encode()[: LONGEST - _DIGEST - 1].decode(errors='ignore')}-{digest}"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
