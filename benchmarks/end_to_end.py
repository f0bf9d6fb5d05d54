"""From the cache to the weights: how fast training goes on with pcrl's loader, and with other ways to make views.

    python benchmarks/end_to_end.py PROJECT OUT --cache CACHE [--recipe NAME] [--tiny] [--minutes M] [--not-compiled]

CACHE is one that `pcrl ingest` has made, of volumes or images. The same trainer's step takes its batches from
pcrl's loader with 1, 2, 4, … threads up to the number of cores, and, for volumes, from PyTorch's `DataLoader` with
a process for each core: with views made by MONAI or TorchIO where these are installed, and with raw crops of which
the device makes the views in plain batched PyTorch. Rows go to OUT/rows.jsonl and the table to OUT/NAME.md as soon as
they are known; uncompressed volumes for the others are kept in OUT/volumes. Without a GPU, or with `--tiny`, it is the
small recipe.

On a GPU the step is compiled for each level before anything is measured. On an H200 with 16 cores a graph of the
published 3D recipe took 80 to 100 s, and it has three: 4 to 5 minutes (estimated, as later graphs find kernels of the
first), then about 10 s a row, and some more to start the workers of a `DataLoader`. The 2D recipe has five larger
graphs, of which one was not done after 63 s: allow 10 minutes. `--not-compiled` begins at once, with a step that takes
a quarter longer. What was compiled before is found in TORCHINDUCTOR_CACHE_DIR, where that is kept.

Wheels that it needs beside torch and NumPy, with their sizes for Python 3.12: numba (4 MB) and llvmlite (60 MB;
with numba 0.61 it is 42), numcodecs (9) and google-crc32c, blosc2 (7, of which only the C library is used),
pydantic, pydantic-core, annotated-types, typing-inspection (3), and, as a cache of volumes is opened, zarr with
donfig, PyYAML and packaging (2). MONAI (2) is optional. Unpacked into one folder without tests and packed by xz
they take 52 MB. A cache of one scan of 128×144×144 voxels at 1 mm takes 3 MB and is enough.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path


def main() -> None:
    """Measure all feeds, or as many as there is time for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--recipe", help="[GPU: pcrlv2-3d, CPU: cpu-3d]")
    parser.add_argument("--tiny", action="store_true", help="on the CPU")
    parser.add_argument(
        "--minutes", type=float, help="for all; what is left over is not measured [GPU: 9.4, CPU: 2.8]"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="for each row")
    parser.add_argument("--rounds", type=int, default=1, help="times every row is measured, in turns")
    parser.add_argument("--threads", type=int, help="of a CPU for the step; where other work runs, take 1")
    parser.add_argument(
        "--not-compiled", action="store_true", help="the step is not compiled on a GPU either"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sys.path[:0] = [str(arguments.project), str(arguments.project / "benchmarks")]
    import torch
    from feeds.command import measure_all

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    gpu = torch.cuda.is_available() and not arguments.tiny
    minutes = arguments.minutes or (9.4 if gpu else 2.8)
    # Whatever hangs, what was measured before is written. Again, as an error is lost where an object is being deleted.
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes, 5)
    recipe = arguments.recipe or ("pcrlv2-3d" if gpu else "cpu-3d")
    measure_all(
        torch.device("cuda" if gpu else "cpu"),
        arguments.out,
        arguments.cache,
        recipe,
        arguments.seconds,
        arguments.rounds,
        gpu and not arguments.not_compiled,
    )


def _time_is_up(*_: object) -> None:
    raise TimeoutError("no time was left")


if __name__ == "__main__":
    main()
