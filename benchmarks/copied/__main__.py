"""How many copies of real scans are missed, and how many pairs of different people are taken for copies.

    python benchmarks/copied DATA [FILE …] [--draws N] [--images N]

DATA is a folder of `pcrl sample` (its packages are fetched if they are not there), FILE are more real volumes, each of
a person of its own. Every real scan is changed in every way some times, and compared with what it was; then all pairs
of different people are compared, whole and in pieces. At last it is timed how long the file of a run that has seen
many images takes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--draws", type=int, default=4, help="of each change, for each scan")
    parser.add_argument("--pieces", type=int, default=300, help="pairs of pieces of different people")
    parser.add_argument(
        "--virtual", type=int, default=16, help="virtual patients, all pairs of whom are compared"
    )
    parser.add_argument("--images", type=int, default=200_000, help="that a run has seen, for the timing")
    arguments = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    from copied.measure import measure

    measure(
        arguments.data,
        arguments.files,
        arguments.draws,
        arguments.pieces,
        arguments.virtual,
        arguments.images,
    )


if __name__ == "__main__":
    main()
