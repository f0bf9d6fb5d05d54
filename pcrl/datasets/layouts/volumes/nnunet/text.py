"""JSON as people's editors leave it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pcrl.datasets.case import LayoutError


def read_json(path: Path) -> Any:
    """The content of a JSON file in UTF-8, UTF-16 or UTF-32.

    Raises:
        LayoutError: in another encoding, or not JSON; names line and column.
    """
    content = path.read_bytes()
    try:
        # Which of the three it is, the first bytes tell without doubt.
        return json.loads(content.decode(json.detect_encoding(content)))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LayoutError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8; the file seems to be in an older "
            "encoding such as Latin-1 or GBK. Save it as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"{path} is not valid JSON: {error}") from error
