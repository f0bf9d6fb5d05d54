"""Tasks for workers: what foreign files do to a reader, without a file."""

import ctypes
import os
import signal
import time
from pathlib import Path


def act(task):
    """Do what a task says: `(what, argument)`."""
    what, argument = task
    if what == "segfault":
        ctypes.string_at(0)
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "kill once":
        if not Path(argument).exists():
            Path(argument).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        os._exit(argument)
    elif what == "raise":
        raise ValueError(argument)
    elif what == "hang":
        time.sleep(600)
    elif what == "sleep":
        time.sleep(argument)
    elif what == "fill":
        filled = [bytearray(os.urandom(1) * (1 << 20)) for _ in range(argument)]
        time.sleep(600 if len(filled) > 3000 else 0)
    elif what == "pid":
        return os.getpid()
    return argument
