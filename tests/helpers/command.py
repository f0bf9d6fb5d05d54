"""The command line as a user types it: a subprocess."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment():
    """That of a `pcrl` of this repository; networks are so small here that threads would only wait for each other."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    more = {"PYTHONPATH": path, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    return os.environ | more


def pcrl(*arguments, cwd):
    """Run `pcrl` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "pcrl", *map(str, arguments)],
        capture_output=True, encoding="utf-8", cwd=cwd,
        env=environment(),
    )  # fmt: skip


def refused(folder, monkeypatch, *arguments):
    """What `pcrl` says of a call that ends in a message; in this process, as to start another takes seconds."""
    from click.testing import CliRunner
    from pcrl_cli.main import main

    monkeypatch.chdir(folder)
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit), done.exception
    return done.stderr
