"""From a template to one file: style and script inside, everything else escaped, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pcrl.evaluation.report.figures.panel import swatch
from pcrl.evaluation.report.numbers import duration, moment, number

_PACKAGE = "pcrl.evaluation.report"


def render(template: str, **content: Any) -> str:
    """The page. Its policy forbids it to load anything and to run any script but its own."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"duration": duration, "moment": moment, "plain": plain, "number": number}
    script = _shipped("report.js")
    return environment.get_template(template).render(
        style=Markup(_shipped("report.css")),
        script=Markup(script),
        script_digest=_digest(script),
        swatch=swatch,
        **content,
    )


def plain(value: Any) -> str:
    """A setting as text: what JSON would write, strings without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def flat(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested settings as (name with dots, value)."""
    lines: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            lines += flat(value, f"{before}{name}.")
        else:
            lines.append((f"{before}{name}", plain(value)))
    return lines


def _shipped(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
