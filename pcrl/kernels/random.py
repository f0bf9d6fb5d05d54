"""Random numbers as a function of a key and a counter: no state, so any of them can be drawn again in any order.

The mixer is SplitMix64's (Steele, Lea and Flood, 2014). Whole numbers and uniform draws are the same on every machine.
"""

from __future__ import annotations

import math

import numpy as np

from pcrl.kernels.compile import kernel

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)


# The signature is given so that plain Python integers up to 2^64 − 1 are taken as they are.
@kernel(signature="uint64(uint64, uint64)")
def derive(key: int, word: int) -> int:
    """A new key from a key and a word; different words give unrelated keys."""
    z = (key ^ (_STEP * (word + _ONE))) + _STEP
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    z = z ^ (z >> np.uint64(31))
    # A second round: one alone lets keys that differ by a multiple of the step collide with words that do.
    z = (z ^ (z >> np.uint64(33))) * _FIRST
    z = (z ^ (z >> np.uint64(29))) * _SECOND
    mixed: int = z ^ (z >> np.uint64(32))  # type: ignore[assignment]
    return mixed


@kernel(signature="float64(uint64, uint64)")
def uniform(key: int, counter: int) -> float:
    """The number of this key and counter in [0, 1), with 53 random bits."""
    return (derive(key, counter) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel(signature="float64(uint64, uint64)")
def normal(key: int, counter: int) -> float:
    """The standard normal number of this key and counter (Box–Muller)."""
    first = uniform(key, np.uint64(2) * counter)  # type: ignore[arg-type]
    second = uniform(key, np.uint64(2) * counter + _ONE)  # type: ignore[arg-type]
    return math.sqrt(-2.0 * math.log(1.0 - first)) * math.cos(2.0 * math.pi * second)
