"""What a run watches for: losses and gradients that are not finite, and gradients far larger than those before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from statistics import median

RECENT = 100
"""Steps whose gradients a step is compared with."""
_FEWEST = 20
"""Steps before which nobody knows how large gradients are."""
NOTED = 20.0
"""Times the median of recent gradients at which a step is told of, though nothing is done about it."""


class FaultError(ArithmeticError):
    """A step that no weights should have taken; the message names it and the cases of its batch.

    Args:
        step: from 1 on, over the whole run.
    """

    def __init__(self, step: int, what: str, cases: Sequence[str]) -> None:
        super().__init__(f"{what} of step {step}; cases in the batch: {', '.join(sorted(set(cases)))}")
        self.step = step


class Watch:
    """Looks at each step once its values have come to the host.

    Args:
        spike: norm of the gradients, as a multiple of the median of the last hundred, that is a fault; none: large ones
            are noted.
        recent: norms before a resume.
    """

    def __init__(
        self, spike: float | None, recent: Sequence[float] = (), note: Callable[[str], None] = lambda _: None
    ) -> None:
        self._spike, self._note = spike, note
        self._recent = deque(recent, RECENT)

    @property
    def recent(self) -> tuple[float, ...]:
        """Norms of the last steps."""
        return tuple(self._recent)

    def step(self, number: int, cases: Sequence[str], loss: float, norm: float) -> None:
        """A step's loss, and the norm of its gradients: the same on every rank.

        Raises:
            FaultError: one is NaN or infinite, or the gradients are a spike.
        """
        if not math.isfinite(loss):
            raise FaultError(number, f"the loss is {loss}: that", cases)
        if not math.isfinite(norm):
            raise FaultError(
                number, f"the norm of the gradients is {norm} at a loss of {loss:.4g}: those", cases
            )
        if len(self._recent) >= _FEWEST:
            usual = median(self._recent)
            times = norm / usual if usual else 0.0
            said = f"the norm of the gradients, {norm:.4g}, is {times:.0f} times the median before: those"
            if self._spike is not None and times > self._spike:
                raise FaultError(number, said, cases)
            if self._spike is None and times > NOTED:
                named = ", ".join(sorted(set(cases)))
                self._note(f"{said} of step {number}; cases in the batch: {named}")
        self._recent.append(norm)
