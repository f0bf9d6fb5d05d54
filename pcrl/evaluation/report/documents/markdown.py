"""From a template to Markdown in which every value is text: no markup, no HTML, no table is broken by a name."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pcrl.evaluation.report.numbers import duration, moment

_SPECIAL = re.compile(r"[\\`*_{}\[\]#+!|~$^]|^[-=]|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)")
"""What means something to Markdown: anywhere, or at the beginning of a line, where it makes a list or a heading."""
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("://", "&#58;//"), ("@", "&#64;"))
"""HTML, and what readers of Markdown make a link of by themselves."""
_ADDRESS = re.compile(r"(www)\.", re.IGNORECASE)


def render_markdown(template: str, **content: Any) -> str:
    """The document. Values are escaped; the filter `fenced` makes a block of code of one, `quoted` a string and
    `numeral` a number of YAML.
    """
    environment = Environment(
        loader=PackageLoader("pcrl.evaluation.report"),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"duration": duration, "fenced": fenced, "moment": moment}
    environment.filters |= {"numeral": numeral, "quoted": quoted}
    return environment.get_template(template).render(**content)


def escaped(text: str) -> str:
    """Text as Markdown that shows just that text, in one line."""
    line = _SPECIAL.sub(lambda found: f"\\{found[0]}", _printable(" ".join(text.split())))
    for character, entity in _ENTITIES:
        line = line.replace(character, entity)
    return _ADDRESS.sub(r"\1&#46;", line)


def fenced(text: str) -> Markup:
    """Text as a block of code, whose fence is longer than any row of backticks in it."""
    lines = [_printable(line) for line in text.splitlines()] or [""]
    ticks = max((len(row) for row in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return Markup("\n".join([f"{fence}text", *lines, fence]))


def quoted(text: str) -> Markup:
    """A string of YAML in double quotes, on one line."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return Markup('"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in inner) + '"')


def numeral(value: float) -> Markup:
    """A finite number of YAML: all digits, and a point before any exponent, without which readers see a string."""
    mantissa, e, exponent = repr(float(value)).partition("e")
    return Markup(f"{mantissa}{'' if '.' in mantissa else '.0'}{e}{exponent}")


def _printable(text: str) -> str:
    """What cannot be shown as an escape, so that no reader takes it for a control character."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _shown(value: Any) -> Any:
    if isinstance(value, Markup | StrictUndefined):
        return value
    return Markup(escaped(str(value)))
