"""How large radiographs must be in a cache for views to be as sharp as those of the files, and what that costs.

    python benchmarks/image_size [--samples N] [--rounds N] [--seconds S]

The published chain cuts every view from the original file; pcrl cuts it from a cache, whose images are smaller. Where a
crop has fewer pixels than the view, the view is enlarged and shows less than it could. This draws views as the recipe
`pcrlv2-2d` does, for usual sizes of images, and counts those; then it ingests drawn radiographs of 1024×1024 pixels at
several sizes, and measures bytes and time.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=20_000, help="that are drawn for each size")
    parser.add_argument("--rounds", type=int, default=5, help="of loading, in turns")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    arguments = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    from image_size.report import report

    report(arguments.samples, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
