"""The command line as a user types it: a subprocess."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pcrl(*arguments, cwd):
    """Run `pcrl` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "pcrl", *map(str, arguments)],
        capture_output=True, encoding="utf-8", cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
