"""The options of a curve over label fractions, kept in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcrl.evaluation.records.request import Request
from pcrl.evaluation.records.stored import load_stored
from pcrl.files import Record, save_record

CURVE = "curve-request.json"


class CurveRequest(Record):
    """The options of a curve: those of an evaluation, whose fraction is replaced by each of `fractions`."""

    request: Request
    fractions: tuple[float, ...]

    def each(self) -> Iterator[tuple[str, Request]]:
        """Name of the folder, and request, of each fraction."""
        for fraction in self.fractions:
            yield f"fraction-{fraction:g}", self.request.model_copy(update={"fraction": fraction})


def save_curve_request(request: CurveRequest, folder: Path) -> None:
    """Write `curve-request.json`."""
    save_record(request, folder / CURVE)


def load_curve_request(folder: Path) -> CurveRequest:
    """Read `curve-request.json` of a curve's folder.

    Raises:
        ProtocolError: missing or damaged.
    """
    return load_stored(CurveRequest, folder / CURVE, "it holds no curve")
