"""One panel of a figure, as SVG in the page: as wide as a phone, so that its text is legible there.

Colours are those of the page (`.arm-0` to `.arm-6` in the style sheet), so that figures follow light, dark and print.
Arms also differ in the shape of their marks and the dashes of their lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from pcrl.evaluation.report.figures.axes import Axis

WIDTH = 360
STYLES = 7
_TOP, _RIGHT, _BOTTOM = 40, 12, 40
_DASHES = ("", "7 3", "2 2.5", "9 3 2 3", "12 4", "4 2", "10 2 2 2 2 2")
_SHAPES = (
    "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z",
    "M-.9-.9H.9V.9H-.9Z",
    "M0-1.15L1.1.85H-1.1Z",
    "M0-1.3L1.1 0L0 1.3L-1.1 0Z",
    "M0 1.15L1.1-.85H-1.1Z",
    "M-.4-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z",
    "M-1.1-1.1L0-.5L1.1-1.1L.5 0L1.1 1.1L0 .5L-1.1 1.1L-.5 0Z",
)
# Nearer together than this, points of a line are one: of many thousands of points a panel shows no more.
_APART = 0.6


class Panel:
    """A panel that is drawn into with values, and written with `svg`."""

    def __init__(self, title: str, x: Axis, y: Axis, *, height: int = 250, left: int = 46) -> None:
        self.title, self.x, self.y, self.height, self.left = title, x, y, height, left
        self._parts: list[Markup] = []

    def across(self, value: float) -> float:
        """Place of a value of `x`, in the panel's units from the left."""
        return self.left + self.x.place(value) * (WIDTH - _RIGHT - self.left)

    def down(self, value: float) -> float:
        """Place of a value of `y`, in the panel's units from the top."""
        return self.height - _BOTTOM - self.y.place(value) * (self.height - _BOTTOM - _TOP)

    def line(self, points: Iterable[tuple[float, float]], arm: int, *, dash: int, title: str = "") -> None:
        """A line through values."""
        path = _path([(self.across(x), self.down(y)) for x, y in points])
        self._parts.append(
            Markup('<path class="line arm-{}" stroke-dasharray="{}" d="{}"><title>{}</title></path>').format(
                arm % STYLES, _DASHES[dash % STYLES] or "none", path, title
            )
        )

    def mark(
        self,
        x: float,
        y: float,
        arm: int,
        title: str,
        *,
        size: float = 4,
        shift: float = 0,
        kind: str = "mark",
    ) -> None:
        """A mark at a value; `shift` moves it down, in the panel's units."""
        self._parts.append(mark(self.across(x), self.down(y) + shift, arm, title, size=size, kind=kind))

    def segment(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        kind: str,
        arm: int = 0,
        *,
        shift: float = 0,
    ) -> None:
        """A straight line between values, of a kind the style sheet knows."""
        (x1, y1), (x2, y2) = start, end
        self._parts.append(
            Markup('<path class="{} arm-{}" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(
                kind,
                arm % STYLES,
                self.across(x1),
                self.down(y1) + shift,
                self.across(x2),
                self.down(y2) + shift,
            )
        )

    def write(self, across: float, down: float, text: str, *, anchor: str = "start", kind: str = "") -> None:
        """Text at a place in the panel's units."""
        self._parts.append(_text(across, down, text, anchor, kind))

    def empty(self, text: str) -> None:
        """Say in the middle why there is nothing."""
        across = (self.left + WIDTH - _RIGHT) / 2
        self.write(across, (self.height - _BOTTOM + _TOP) / 2, text, anchor="middle", kind="faint")

    def svg(self, description: str) -> Markup:
        """The panel; `description` is what is read out instead."""
        frame: list[Markup] = [_text(2, 14, clipped(self.title, 46), "start", "panel-title")]
        frame.append(_text(2, 30, clipped(self.y.title, 56), "start", "axis-title"))
        frame.append(_text(WIDTH - _RIGHT, self.height - 5, clipped(self.x.title, 56), "end", "axis-title"))
        left, right, bottom = self.left, WIDTH - _RIGHT, self.height - _BOTTOM
        for tick in self.y.ticks:
            down = self.down(tick.value)
            frame.append(Markup('<path class="grid" d="M{:.1f} {:.1f}H{}"/>').format(left, down, right))
            frame.append(_text(left - 6, down + 4, tick.text, "end", "tick"))
        for tick in self.x.ticks:
            across = self.across(tick.value)
            frame.append(Markup('<path class="grid" d="M{:.1f} {}V{:.1f}"/>').format(across, _TOP, bottom))
            for row, text in enumerate(tick.text.split("\n")):
                frame.append(_text(across, bottom + 14 + 12 * row, text, "middle", "tick"))
        return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
            WIDTH, self.height, description, Markup("").join(frame), Markup("").join(self._parts)
        )


def mark(across: float, down: float, arm: int, title: str, *, size: float = 4, kind: str = "mark") -> Markup:
    """The mark of an arm at a place, with a text that appears under the pointer."""
    return Markup(
        '<path class="{} arm-{}" transform="translate({:.1f} {:.1f}) scale({})" d="{}"><title>{}</title></path>'
    ).format(kind, arm % STYLES, across, down, size, _SHAPES[arm % STYLES], title)


def swatch(arm: int) -> Markup:
    """Line and mark of an arm, for a legend."""
    return Markup(
        '<svg class="swatch" viewBox="0 0 34 14" aria-hidden="true">'
        '<path class="line arm-{}" stroke-dasharray="{}" d="M1 7H33"/>{}</svg>'
    ).format(arm % STYLES, _DASHES[arm % STYLES] or "none", mark(17, 7, arm, "", size=4.5))


def clipped(text: str, letters: int) -> str:
    """At most so many letters; the end of a longer text is left out."""
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _text(across: float, down: float, text: str, anchor: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        kind, across, down, anchor, text
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    kept: list[tuple[float, float]] = []
    for n, (x, y) in enumerate(points):
        last = n == len(points) - 1
        if last or not kept or max(abs(x - kept[-1][0]), abs(y - kept[-1][1])) >= _APART:
            kept.append((x, y))
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) if kept else ""
