"""Where a test may end this process: before every step by which files take their places, or go.

`PCRL_FAULT_POINT=17` in the environment kills the process, as a power cut would, before the 17th of them: each fsync,
rename and removal that pcrl does itself. A test device, see docs/reliability.md.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "PCRL_FAULT_POINT"

_left: int | None = None
"""Points until the end; None if there is none."""


def arm(points: int | None) -> None:
    """End this process before that many points have passed, 1 for the next; None: never."""
    global _left
    _left = points


def left() -> int | None:
    """Points until the end of this process; None if there is none."""
    return _left


def point() -> None:
    """A step on files is about to be done."""
    global _left
    if _left is None:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)


if _text := os.environ.get(VARIABLE):
    if not _text.isdecimal() or _text == "0":
        raise SystemExit(
            f"{VARIABLE}={_text}: expected the number of a step, from 1 on; unset it if you are not testing"
        )
    arm(int(_text))
