"""What steps give until it is logged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pcrl.engine.batch import Batch
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.watch import Watch


class Tally:
    """Values of steps: on the device as they come, on the host once they are asked for, over all ranks.

    Args:
        readings: names of what the objective gives at a step, in that order; `loss` is one of them.
        fallbacks: samples before a resume for which the best of the allowed draws was taken.
        unlogged: values of steps before a resume that no line of the log has.
        watch: looks at every step.
    """

    def __init__(
        self,
        readings: Sequence[str],
        exchange: Exchange,
        fallbacks: int,
        unlogged: Sequence[Sequence[float]],
        watch: Watch,
    ) -> None:
        self._readings, self._exchange, self.watch = tuple(readings), exchange, watch
        self.fallbacks, self._own_fallbacks = fallbacks, 0
        self._pending: list[tuple[int, list[str], Tensor, Tensor]] = []
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

    def add(self, step: int, batch: Batch, values: Tensor, norm: Tensor) -> None:
        """A step is queued; nothing waits for it.

        Args:
            norm: of the gradients, of all ranks together.
        """
        self._pending.append((step, batch.cases, values, norm))
        self._own_fallbacks += batch.fallbacks

    def collect(self) -> None:
        """Bring to the host what has been added. Waits for the device; every rank must come here at the same step.

        Raises:
            FaultError: see `pcrl.training.watch.Watch.step`; on every rank.
        """
        if not self._pending:
            return
        rows = [torch.cat([values, norm.float()[None]]) for _, _, values, norm in self._pending]
        both = torch.stack(rows).cpu().double()
        shared = self._exchange.mean(both[:, :-1])
        losses, norms = shared[:, self._readings.index("loss")].tolist(), both[:, -1].tolist()
        for (step, cases, _, _), loss, norm in zip(self._pending, losses, norms, strict=True):
            self.watch.step(step, cases, loss, norm)
        self._pending.clear()
        self._unlogged = torch.cat([self._unlogged, shared])
        self.fallbacks += self._exchange.total(self._own_fallbacks)
        self._own_fallbacks = 0

    def means(self) -> dict[str, float]:
        """Means of what was collected, which is logged with them; of what some steps have not, over the others."""
        columns = zip(self._readings, self._unlogged.T, strict=True)
        found = {name: float(column.nanmean()) for name, column in columns if not column.isnan().all()}
        self._unlogged = self._unlogged[:0]
        return found
