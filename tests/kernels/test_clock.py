"""The counter of ticks: it goes on, and is nowhere needed."""

import subprocess
import sys

from pcrl.kernels.clock import HAS_COUNTER, cycles, share

ELSEWHERE = """
import platform
platform.machine = lambda: "aarch64"
from pcrl.kernels import clock
assert not clock.HAS_COUNTER
assert clock.cycles.py_func() == 0
"""


def test_ticks_pass():
    first, second = cycles(), cycles()
    assert second > first > 0 if HAS_COUNTER else second == first == 0


def test_other_processors_have_none():
    subprocess.run([sys.executable, "-c", ELSEWHERE], check=True)


def test_no_ticks_are_no_share():
    assert share(0, 0) == 0
    assert share(1, 4) == 0.25
