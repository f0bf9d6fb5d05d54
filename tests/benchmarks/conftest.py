"""The benchmarks' modules can be imported."""

import sys
from pathlib import Path

# At the end: a module of the tests is named like one there.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
