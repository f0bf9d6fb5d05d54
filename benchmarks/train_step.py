"""How fast the training step is on this device, and what each part of it adds.

    python benchmarks/train_step.py PROJECT OUT [--tiny] [--minutes M] [--rounds N]

PROJECT is a working tree of pcrl, OUT a folder: rows go to OUT/rows.jsonl as soon as they are known, the longest
kernels of two of them to OUT/kernels-….txt, the table to OUT/train_step.md. Beside torch only pydantic is needed
(with pydantic-core, annotated-types and typing-inspection), so that a bare GPU machine can run it. Each row is
measured in a process of its own, with a limit of its own. Without a GPU, or with `--tiny`, rows are those of the
small recipes, and of the published one with two samples.

On an H200 with 16 cores the compiler took 80 to 100 s before the first step of a 3D row, most of it on one core, and
more than 63 s in 2D; what is not compiled takes 13 s in all. So 9.4 minutes are enough for the chip (10 s), the
competent user's and pcrl's step in 3D and 2D (about 400 s), and drawn levels (two more graphs, about 120 s) or those
not compiled (four rows, 50 s); they come in this order, and with less than 75 s left those not compiled have their
turn. What is compiled stays in OUT/inductor, or in TORCHINDUCTOR_CACHE_DIR: with the same folder, packed and unpacked
if need be (217 MB; 10 MB by xz), another call has less to compile.

A competent user's step is the two layers of each up-sampling one after the other, channels last, bfloat16,
PyTorch's SGD, and compiled forward passes; pcrl's merges the two layers, has more channels where a compiled
convolution would have one, and has flat gradients and SGD in one kernel. All begin with the same weights and see the
same noise; their first losses are compared.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> None:
    """Measure, or in a process that measures one row, only that."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tiny", action="store_true", help="on the CPU, in small sizes")
    parser.add_argument(
        "--minutes", type=float, default=9.4, help="for all rows; what is left over is not measured [9.4]"
    )
    parser.add_argument("--rounds", type=int, help="times every row is measured, in turns [GPU: 1, CPU: 3]")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="for which the steps of a row are counted [2]"
    )
    parser.add_argument(
        "--threads", type=int, help="of a CPU; one alone is disturbed the least by what else runs"
    )
    parser.add_argument(
        "--rows", default="", help="pattern of those to measure, such as '3D: pcrl'; all are 'SUITE: ROW'"
    )
    parser.add_argument("--only", nargs=2, metavar=("SUITE", "ROW"), help="one row, in this process")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    # The script may lie elsewhere than the project.
    sys.path[:0] = [str(arguments.project), str(arguments.project / "benchmarks")]
    import torch
    from stepping.command import measure_all, measure_one

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() and not arguments.tiny else "cpu")
    if arguments.only:
        suite, row = arguments.only
        measure_one(suite, row, device, arguments.out, arguments.seconds)
        return
    own = [
        sys.executable,
        __file__,
        str(arguments.project),
        str(arguments.out),
        "--seconds",
        str(arguments.seconds),
    ]
    own += ["--tiny"] if arguments.tiny else []
    own += ["--threads", str(arguments.threads)] if arguments.threads else []
    measure_all(own, device, arguments.out, arguments.rows, arguments.minutes, arguments.rounds)


if __name__ == "__main__":
    main()
