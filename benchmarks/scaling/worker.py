"""One of several processes that train together: pcrl's step on made-up views, and how long they exchange.

    python -m torch.distributed.run --nproc-per-node 2 benchmarks/scaling/worker.py PROJECT RECIPE BATCH NORMS SECONDS

The first of them prints one line. BATCH is that of all together, of which each has its share.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


class Exchanging:
    """Counts the messages of all ranks, their bytes, and the time in them, which includes waiting for the slowest."""

    def __init__(self) -> None:
        self.seconds, self.bytes, self.messages = 0.0, 0, 0

    def timed(self, all_reduce: Callable[..., Any]) -> Callable[..., Any]:
        """The same, and counted."""

        def counted(tensor: Any, *arguments: Any) -> Any:
            began = time.perf_counter()
            result = all_reduce(tensor, *arguments)
            self.seconds += time.perf_counter() - began
            self.bytes += tensor.numel() * tensor.element_size()
            self.messages += 1
            return result

        return counted


def main() -> None:
    """Measure, and tell."""
    project, name, batch, norms, seconds = sys.argv[1:]
    sys.path[:0] = [project, f"{project}/benchmarks"]
    import numpy as np
    import torch
    from stepping.rows import Row
    from stepping.work import work_of
    from torch import distributed

    from pcrl.config import load_recipe
    from pcrl.training.objectives.objective import Keys, Moment
    from pcrl.training.optimizers.build import build_optimizer
    from pcrl.training.ranks.exchange import Exchange
    from pcrl.training.ranks.norms import NORMS, share_norms
    from pcrl.training.ranks.world import opened
    from pcrl.training.stepping.step import Stepper

    with opened("cpu") as (world, device):
        share = int(batch) // world.size
        recipe = load_recipe(name, [f"training.norms={norms}", f"training.batch_size={batch}"])
        work = work_of(Row(""), recipe, share, device)
        if world.size > 1 and norms != "local":
            share_norms(work.network, NORMS if norms == "all" else (torch.nn.BatchNorm1d,))
        work.draw_levels_here()
        optimizer = build_optimizer(work.parameters, recipe.training)
        exchange = Exchange(world, work.parameters, (work.network, work.objective))
        stepper = Stepper(work.network, work.objective, optimizer, recipe.training, exchange, device)
        keys, moment = Keys(0, np.zeros(share, np.uint64)), Moment(0, 240)

        for _ in range(2):
            stepper.step(work.views, keys, moment)
        counts, steps = Exchanging(), 0
        distributed.all_reduce, plain = counts.timed(distributed.all_reduce), distributed.all_reduce
        began = time.perf_counter()
        while _all_go_on(world.size, plain, time.perf_counter() < began + float(seconds)):
            stepper.step(work.views, keys, moment)
            steps += 1
        passed = time.perf_counter() - began
        if world.is_first:
            found = {
                "ranks": world.size, "samples": int(batch) * steps / passed, "step_ms": 1e3 * passed / steps,
                "exchanging": counts.seconds / passed, "messages": counts.messages / steps,
                "megabytes": counts.bytes / steps / 1e6, "threads": torch.get_num_threads(),
            }  # fmt: skip
            print("ranks: " + json.dumps(found), flush=True)


def _all_go_on(size: int, all_reduce: Callable[..., Any], wish: bool) -> bool:
    """Whether all ranks have time left."""
    if size == 1:
        return wish
    import torch

    stopping = torch.tensor([float(not wish)])
    all_reduce(stopping)
    return not stopping.item()


if __name__ == "__main__":
    main()
