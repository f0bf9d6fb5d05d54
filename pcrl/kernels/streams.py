"""Streams of random numbers on the host: keys, sub-keys, and numbers drawn from them one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.kernels.compile import kernel
from pcrl.kernels.random import derive, uniform


class Draws:
    """A stream of random numbers: the n-th of a key is always the same."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.count = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from [low, high)."""
        value: float = low + (high - low) * uniform(self.key, self.count)
        self.count += 1
        return value

    def integer(self, low: int, high: int) -> int:
        """A whole number from low … high, both included."""
        return low + min(int(self.uniform() * (high - low + 1)), high - low)


def sample_key(seed: int, epoch: int, sample: int) -> int:
    """The key from which everything random in a sample is derived."""
    return stream(stream(stream(seed, epoch), sample), 0)


def stream(key: int, word: int) -> int:
    """The key of a sub-stream."""
    key_of: int = derive(key, word)
    return key_of


@kernel(signature="float64[:](uint64, int64)")
def uniforms(key: int, count: int) -> NDArray[np.float64]:
    """The first numbers of a stream, (count,), each from [0, 1)."""
    values = np.empty(count)
    for i in range(count):
        values[i] = uniform(key, i)
    return values
