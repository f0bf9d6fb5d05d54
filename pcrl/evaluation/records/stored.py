"""Reading a record of an evaluation: whatever is wrong with it is an error of the protocol."""

from __future__ import annotations

from pathlib import Path

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.files import AnyRecord, RecordError, load_record


def load_stored(kind: type[AnyRecord], path: Path, otherwise: str) -> AnyRecord:
    """Read a record.

    Args:
        otherwise: what it means that there is no such file.

    Raises:
        ProtocolError: missing, damaged, or of another version of pcrl.
    """
    try:
        return load_record(kind, path)
    except FileNotFoundError as error:
        raise ProtocolError(f"{path.parent}: no {path.name}: {otherwise}") from error
    except RecordError as error:
        raise ProtocolError(str(error)) from error
