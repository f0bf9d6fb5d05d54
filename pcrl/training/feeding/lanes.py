"""How work is queued on a device: a lane that computes, a lane that copies, and marks in them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor


class Mark(Protocol):
    """A place in a lane, reached once all that was queued before it is done."""

    def reached(self) -> bool:
        """Whether it is, without waiting."""

    def wait(self) -> None:
        """Hold up the host until it is."""

    def since(self, earlier: Mark) -> float:
        """Seconds on the device from an earlier mark to this one; both are reached."""


class Lanes(Protocol):
    """A device to which the host copies while it computes."""

    def copy(self, to: Tensor, host: Tensor) -> None:
        """Queue a copy behind all other copies; `host` must not change until a mark after it is reached."""

    def copied(self) -> Mark:
        """A mark behind all copies queued so far."""

    def computed(self) -> Mark:
        """A mark behind all computations queued so far."""

    def copies_wait_for(self, mark: Mark) -> None:
        """What is copied from now on comes after a mark; the host goes on."""

    def computations_wait_for(self, mark: Mark) -> None:
        """What is computed from now on comes after a mark; the host goes on."""


class CudaMark:
    """See `Mark`."""

    def __init__(self, stream: torch.cuda.Stream) -> None:
        self.event = torch.cuda.Event(enable_timing=True)
        self.event.record(stream)

    def reached(self) -> bool:
        """See `Mark`."""
        return bool(self.event.query())

    def wait(self) -> None:
        """See `Mark`."""
        self.event.synchronize()

    def since(self, earlier: Mark) -> float:
        """See `Mark`."""
        assert isinstance(earlier, CudaMark)
        return float(earlier.event.elapsed_time(self.event)) / 1e3


class CudaLanes:
    """See `Lanes`: the stream in use, and one beside it."""

    def __init__(self, device: torch.device) -> None:
        self._copying = torch.cuda.Stream(device)
        self._device = device

    @property
    def _computing(self) -> torch.cuda.Stream:
        return torch.cuda.current_stream(self._device)

    def copy(self, to: Tensor, host: Tensor) -> None:
        """See `Lanes`."""
        with self._in_copies():
            to.copy_(host, non_blocking=True)

    def copied(self) -> CudaMark:
        """See `Lanes`."""
        return CudaMark(self._copying)

    def computed(self) -> CudaMark:
        """See `Lanes`."""
        return CudaMark(self._computing)

    def copies_wait_for(self, mark: Mark) -> None:
        """See `Lanes`."""
        assert isinstance(mark, CudaMark)
        self._copying.wait_event(mark.event)

    def computations_wait_for(self, mark: Mark) -> None:
        """See `Lanes`."""
        assert isinstance(mark, CudaMark)
        self._computing.wait_event(mark.event)

    def _in_copies(self) -> AbstractContextManager[object]:
        found: AbstractContextManager[object] = torch.cuda.stream(self._copying)
        return found
