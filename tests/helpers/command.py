"""The command line as a user types it."""

import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from click.testing import CliRunner

ROOT = Path(__file__).parents[2]


def environment():
    """That of a `pcrl` of this repository; networks are so small here that threads would only wait for each other."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    more = {"PYTHONPATH": path, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    return os.environ | more


def pcrl(*arguments, cwd):
    """Run `pcrl` in a folder, in this process: to start another one takes seconds, of which none tests anything.

    What is killed or interrupted needs a process of its own; see `begun`.
    """
    from pcrl_cli.main import main

    words = [str(argument) for argument in arguments]
    before, argv = Path.cwd(), sys.argv
    try:
        os.chdir(cwd)
        sys.argv = ["pcrl", *words]
        done = CliRunner().invoke(main, words)
    finally:
        os.chdir(before)
        sys.argv = argv
    stderr = done.stderr
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        stderr += "".join(traceback.format_exception(done.exception))
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, stderr)


def begun(*arguments, cwd, **options):
    """Begin `pcrl` in a folder, as a process that can be killed, and interrupted."""
    return subprocess.Popen(
        [sys.executable, "-m", "pcrl", *map(str, arguments)], cwd=cwd, env=environment(), preexec_fn=_take_ctrl_c,
        **options,
    )  # fmt: skip


def _take_ctrl_c():
    # A job in the background of a shell ignores it, and so would its children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def refused(folder, *arguments):
    """What `pcrl` says of a call that ends in a message, and in nothing else."""
    done = pcrl(*arguments, cwd=folder)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr
