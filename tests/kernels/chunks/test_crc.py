"""CRC-32C: known values, both ways against each other, and the way without the CPU's instruction."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.kernels.chunks import crc

KNOWN = {b"": 0, b"123456789": 0xE3069283, bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43}
"""The check value of the polynomial, and two of RFC 3720."""
WAYS = [crc.crc_by_table, *([crc.crc_by_instruction] if crc.HAS_INSTRUCTION else [])]


def of(way, data, skip=0):
    buffer = np.frombuffer(bytes(skip) + data + b"more", np.uint8)
    return int(way(buffer.ctypes.data + skip, len(data)))


@pytest.mark.parametrize("way", WAYS)
def test_known_values(way):
    for data, expected in KNOWN.items():
        assert of(way, data) == expected


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 9))
def test_both_ways_agree_at_any_address(data, skip):
    assert len({of(way, data, skip) for way in WAYS}) == 1


FORCED = """
from pcrl.engine.cache.chunks.frames import crc_of
from pcrl.kernels.chunks import crc
assert not crc.HAS_INSTRUCTION
assert crc.crc32c is crc.crc_by_table
assert crc_of(b"123456789") == 0xE3069283
"""


def test_a_cpu_without_the_instruction_uses_the_table():
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    subprocess.run([sys.executable, "-c", FORCED], env=environment, check=True)
