"""Several processes that train as one: measured with gloo on this machine, modelled for many GPUs.

    python benchmarks/ranks.py [--ranks 1 2 4] [--recipe cpu-3d] [--rounds 3] [--step-ms MS] …

The batch is the same for any number of processes, and so is the work; each computes with one thread. The parts of
the model are options; those that are not given have the values that the result states with their sources. Writes
results/ranks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from scaling.model import SOURCES, Modelled, Parts, modelled
from table import RESULTS, grid, spread, write

HERE = Path(__file__).parent
GPUS = (1, 8, 16, 32, 64, 128, 256, 512)
BATCH = 8
LIMIT = 300.0
"""Seconds for one measurement."""


def main() -> None:
    """Measure, model, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--recipe", default="cpu-3d")
    parser.add_argument("--norms", nargs="+", default=["local", "heads", "all"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    for part in fields(Parts):
        kind = int if isinstance(part.default, int) else float
        parser.add_argument(f"--{part.name.replace('_', '-')}", type=kind, default=part.default)
    arguments = parser.parse_args()
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for _ in range(arguments.rounds):
        for ranks in arguments.ranks:
            for norms in arguments.norms if ranks > 1 else ["local"]:
                measured = _measured(ranks, arguments.recipe, norms, arguments.seconds)
                print(measured, flush=True)
                found.setdefault((ranks, norms), []).append(measured)
    parts = Parts(**{part.name: getattr(arguments, part.name) for part in fields(Parts)})
    _write(arguments, found, parts)


def _measured(ranks: int, recipe: str, norms: str, seconds: float) -> dict[str, Any]:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    worker = [HERE / "scaling/worker.py", HERE.parent, recipe, BATCH, norms, seconds]
    done = subprocess.run(
        [*launch, *map(str, worker)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # so that a core more is a process more
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("ranks: "))
    values: dict[str, Any] = json.loads(line.removeprefix("ranks: "))
    return values


def _write(
    arguments: argparse.Namespace, found: dict[tuple[int, str], list[dict[str, Any]]], parts: Parts
) -> None:
    rows = []
    for (ranks, norms), rounds in found.items():
        middle = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        exchanging = f"{middle['exchanging']:.0%}" if ranks > 1 else ""
        messages = f"{middle['messages']:.0f}, {middle['megabytes']:.2f} MB" if ranks > 1 else ""
        rates = spread([each["samples"] for each in rounds], 1)
        shared = norms if ranks > 1 else ""
        rows.append((str(ranks), shared, f"{middle['samples']:.1f}", rates, exchanging, messages))
    values = [(name.replace("_", "-"), f"{value:g}", SOURCES[name]) for name, value in asdict(parts).items()]
    notes = [
        (
            f"Recipe {arguments.recipe}, a batch of {BATCH} in all, on made-up views; medians of {arguments.rounds} "
            f"interleaved rounds of {arguments.seconds:g} s, one thread each. Exchange: time in all-reduce, waiting "
            "for the slower process included; where there are more processes than cores, they wait for their turn."
        ),
        "## Modelled, not run: many GPUs\n\nNothing of this has been run on a GPU. Each GPU has the published batch.",
        grid(HEADER, [line(modelled(parts, gpus)) for gpus in GPUS]),
        "Parts: `python benchmarks/ranks.py --PART VALUE` models another machine.",
        grid(("part", "value", "from where"), values),
    ]
    write(
        "ranks",
        "Several processes that train as one",
        ["torch"],
        ("processes", "norms", "samples/s", "least – most", "exchange", "messages a step"),
        rows,
        "\n\n".join(notes),
        arguments.out,
    )


HEADER = (
    "GPUs", "batch", "gradients, ms", "shared norms, ms", "slowest, ms", "samples/s", "efficiency",
    "of what cores can load", "first epoch waits for storage, s", "steps an epoch", "what gives way first",
)  # fmt: skip


def line(model: Modelled) -> tuple[str, ...]:
    """A row of the table."""
    return (
        str(model.gpus), f"{model.batch:,}", f"{model.gradients_ms:.1f}", f"{model.norms_ms:.1f}",
        f"{model.waiting_ms:.1f}", f"{model.samples:,.0f}", f"{model.efficiency:.0%}", f"{model.loader:.0%}",
        f"{model.first_epoch_s:.0f}", f"{model.steps:,}", model.first_to_give_way,
    )  # fmt: skip


if __name__ == "__main__":
    main()
