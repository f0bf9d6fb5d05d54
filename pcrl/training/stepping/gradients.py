"""The gradients of everything that is trained, in one piece of memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_ALIGNED = 32
"""Each parameter's gradient begins at a multiple of so many values, so that kernels read whole vectors."""


class Gradients:
    """One flat buffer of which each parameter's gradient is a part, in the parameter's own layout.

    So a parameter that a step did not reach has a gradient of zero and not none: decay and momentum reach it at every
    step, as published, optimisers that are one kernel take it, and all ranks have the same. Ranks exchange the buffer
    in one message.

    Args:
        parameters: what is trained; of one dtype, on one device.
        room: values after the gradients that go with them from rank to rank.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], room: int = 0) -> None:
        first = parameters[0]
        starts, end = [], 0
        for parameter in parameters:
            starts.append(end)
            end += -(-parameter.numel() // _ALIGNED) * _ALIGNED
        self.flat = torch.zeros(end + room, dtype=first.dtype, device=first.device)
        self.values, self.room = self.flat[:end], self.flat[end:]
        self._parameters = list(parameters)
        self._parts = [
            self.flat.as_strided(parameter.shape, _dense_strides(parameter), start)
            for parameter, start in zip(parameters, starts, strict=True)
        ]

    def clear(self) -> None:
        """Set all to zero, and attach them to their parameters: before the first backward of a step."""
        self.flat.zero_()
        for parameter, part in zip(self._parameters, self._parts, strict=True):
            parameter.grad = part

    def norm(self) -> Tensor:
        """Of all of them together, on the device."""
        found: Tensor = torch.linalg.vector_norm(self.values)
        return found

    def scale_to(self, norm: float, found: Tensor) -> None:
        """Scale all down so that their norm, which is `found`, is at most this; nothing here waits for the device."""
        self.values.mul_((norm / (found + 1e-6)).clamp(max=1.0))


def _dense_strides(parameter: Tensor) -> tuple[int, ...]:
    """The strides of a parameter where it is dense, in whatever order of axes; else those of a contiguous one."""
    return torch.empty_like(parameter, device="meta").stride()
