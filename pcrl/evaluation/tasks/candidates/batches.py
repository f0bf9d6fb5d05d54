"""Batches of crops about candidates, straight from the cache, cut by threads a few batches ahead of the network."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from pcrl.config.volumes import CandidateTuning
from pcrl.cores import usable_cores
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.finetune.ahead import ahead
from pcrl.evaluation.tasks.candidates.candidates import Candidates
from pcrl.evaluation.tasks.candidates.crops import Buffers, Crop, OpenScan, drawn_crop
from pcrl.evaluation.tasks.supervision import Pixels, Rows
from pcrl.kernels.streams import sample_key

UNCHANGED = 0
"""In place of an epoch, which count from 1: the order of candidates that are shown without learning from them."""
KEPT_OPEN = 256
"""Scans that stay open, each with a file; a process may have 1,024 of them."""


class CandidateCrops:
    """Candidates as the classifier sees them, by their position in `candidates`.

    What comes is the same for any number of threads. What lies beyond a scan is air.

    Args:
        cases: of the data set that the candidates are of.
        settings: size of a crop, voxels of the cache (z, y, x); its jitter in training; crops of a batch.
        threads: 0 for as many as there are cores that this process may use.
    """

    def __init__(
        self,
        cases: Sequence[CachedCase],
        candidates: Candidates,
        settings: CandidateTuning,
        threads: int = 0,
    ) -> None:
        self.candidates, self.batch_size, self.size = candidates, settings.batch_size, settings.crop
        self.jitter = settings.jitter
        self._open = lru_cache(KEPT_OPEN)(lambda number: OpenScan(cases[number]))
        self._pool = ThreadPoolExecutor(threads or usable_cores(), "pcrl-crops")
        self._own = threading.local()

    def augmented(
        self, rows: Rows, seed: int, epoch: int, labels: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[Rows, Pixels]]:
        """Batches of an epoch of training, as `balanced` draws them, each crop shifted, mirrored and turned anew.

        Args:
            labels: (n,) of `rows`; None for the candidates' own.

        Yields:
            Positions (n,) and crops (n, 1, *size) float32 in [0, 1].
        """
        labels = self.candidates.label[rows] if labels is None else labels
        batches = [rows[batch] for batch in balanced(labels, seed, epoch, self.batch_size)]
        # The line of the table, not the position: the same candidate is drawn alike whatever else is in the cache.
        lines = self.candidates.line
        return self._cut_all(
            batches, lambda row: drawn_crop(sample_key(seed, epoch, int(lines[row])), self.jitter)
        )

    def unchanged(
        self, rows: Rows, seed: int, batches: int, labels: NDArray[np.bool_]
    ) -> Iterator[tuple[Rows, Pixels]]:
        """So many batches at most, balanced as in training, each candidate in the middle. Yields as `augmented`."""
        drawn = balanced(labels, seed, UNCHANGED, self.batch_size)[:batches]
        return self._cut_all([rows[batch] for batch in drawn], _in_the_middle)

    def plain(self, rows: Rows) -> Iterator[tuple[Rows, Pixels]]:
        """Batches for scoring, in the order of `rows`, each candidate in the middle. Yields as `augmented`."""
        batches = [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        return self._cut_all(batches, _in_the_middle)

    def _cut_all(self, batches: Sequence[Rows], crop: Callable[[int], Crop]) -> Iterator[tuple[Rows, Pixels]]:
        made: deque[tuple[Rows, Pixels]] = deque()

        def makers() -> Iterator[list[Callable[[], None]]]:
            for rows in batches:
                pixels = np.empty((len(rows), 1, *self.size), np.float32)
                made.append((rows, pixels))
                yield [partial(self._cut, row, crop, pixels[n, 0]) for n, row in enumerate(rows.tolist())]

        for _ in ahead(self._pool, makers()):
            yield made.popleft()

    def _cut(self, row: int, crop: Callable[[int], Crop], output: Pixels) -> None:
        if not hasattr(self._own, "buffers"):
            self._own.buffers = Buffers()
        case = self._open(int(self.candidates.case[row]))
        case.cut(self.candidates.centre[row], crop(row), self._own.buffers, output)


def _in_the_middle(_: int) -> Crop:
    return Crop((0, 0, 0), None)


def batches_of(labels: NDArray[np.bool_], batch_size: int) -> int:
    """How many batches an epoch has."""
    return math.ceil(int(labels.sum()) / max(1, batch_size // 2))


def balanced(labels: NDArray[np.bool_], seed: int, epoch: int, batch_size: int) -> list[Rows]:
    """An epoch: every positive once and as many negatives, half of each batch being positive.

    Negatives are drawn anew each epoch, none a second time before all were drawn. Batches differ by at most two.

    Args:
        labels: (n,) bool.

    Returns:
        Positions in `labels`; no batch where there are no positives, and only positives where there are no negatives.
    """
    rng = np.random.default_rng([seed, 2, epoch])
    positives, negatives = (rng.permutation(np.flatnonzero(labels == positive)) for positive in (True, False))
    count = batches_of(labels, batch_size)
    if not count:
        return []
    if len(negatives):
        rounds = math.ceil(len(positives) / len(negatives))
        further = [rng.permutation(negatives) for _ in range(rounds - 1)]
        negatives = np.concatenate([negatives, *further])[: len(positives)]
    halves = zip(np.array_split(positives, count), np.array_split(negatives, count), strict=True)
    return [rng.permutation(np.concatenate(half)) for half in halves]
