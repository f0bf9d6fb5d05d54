"""What steps give until it is logged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from pcrl.engine.batch import Batch
from pcrl.training.ranks.exchange import Exchange


class NotFiniteError(ArithmeticError):
    """A loss that is NaN or infinite; the message names the step and the cases of its batch."""


class Tally:
    """Values of steps: on the device as they come, on the host once they are asked for, over all ranks.

    Args:
        readings: names of what the objective gives at a step, in that order; `loss` is one of them.
        fallbacks: samples before a resume for which the best of the allowed draws was taken.
        unlogged: values of steps before a resume that no line of the log has.
        skipped: cases before a resume that could not be read, and how many of their samples were replaced.
        skips: whether there can be such cases.

    Attributes:
        skipped: the same up to the last `collect`, of all ranks.
        reasons: why each of them could not be read; not of those before a resume.
    """

    def __init__(
        self,
        readings: Sequence[str],
        exchange: Exchange,
        fallbacks: int,
        unlogged: Sequence[Sequence[float]],
        skipped: Mapping[str, int] = MappingProxyType({}),
        skips: bool = False,
    ) -> None:
        self._readings, self._exchange = tuple(readings), exchange
        self.fallbacks, self._own_fallbacks = fallbacks, 0
        self.skipped, self.reasons = Counter(skipped), dict[str, str]()
        self._own_skipped, self._skips = list[tuple[str, str]](), skips
        self._pending: list[tuple[int, list[str], Tensor]] = []
        rows = torch.tensor(unlogged, dtype=torch.float64)
        self._unlogged = rows.reshape(len(unlogged), len(self._readings))

    @property
    def pending(self) -> int:
        """Steps that nobody has asked for yet."""
        return len(self._pending)

    @property
    def unlogged(self) -> tuple[tuple[float, ...], ...]:
        """What was collected, and not yet told."""
        return tuple(tuple(row) for row in self._unlogged.tolist())

    def add(self, step: int, batch: Batch, values: Tensor) -> None:
        """A step is queued; nothing waits for it."""
        self._pending.append((step, batch.cases, values))
        self._own_fallbacks += batch.fallbacks
        self._own_skipped += batch.skipped

    def collect(self) -> None:
        """Bring to the host what has been added. Waits for the device; every rank must come here at the same step.

        Raises:
            NotFiniteError: a loss of this rank.
        """
        if not self._pending:
            return
        values = torch.stack([row for _, _, row in self._pending]).cpu().double()
        losses = values[:, self._readings.index("loss")].tolist()
        for (step, cases, _), loss in zip(self._pending, losses, strict=True):
            if not math.isfinite(loss):
                named = ", ".join(sorted(set(cases)))
                raise NotFiniteError(f"the loss of step {step} is {loss}; cases in the batch: {named}")
        self._pending.clear()
        self._unlogged = torch.cat([self._unlogged, self._exchange.mean(values)])
        self.fallbacks += self._exchange.total(self._own_fallbacks)
        self._own_fallbacks = 0
        if self._skips:
            for those in self._exchange.world.gathered(self._own_skipped):
                self.skipped.update(name for name, _ in those)
                self.reasons |= dict(those)
            self._own_skipped = []

    def means(self) -> dict[str, float]:
        """Means of what was collected, which is logged with them; of what some steps have not, over the others."""
        columns = zip(self._readings, self._unlogged.T, strict=True)
        found = {name: float(column.nanmean()) for name, column in columns if not column.isnan().all()}
        self._unlogged = self._unlogged[:0]
        return found
