"""A second process for the same runs, one thread each: networks this small gain a half from a second thread."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import torch

HELPING = "--helping"


@contextlib.contextmanager
def helped(wanted: bool) -> Iterator[None]:
    """While it lasts this script runs a second time, with `HELPING`, which does what is not begun yet."""
    if not wanted:
        yield
        return
    torch.set_num_threads(1)
    process = subprocess.Popen([sys.executable, *sys.argv, HELPING])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def help_out() -> None:
    """Called in the helper: one thread, and an end when who is helped has ended."""
    torch.set_num_threads(1)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
