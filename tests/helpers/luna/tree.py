"""A small LUNA16 tree: scans with bright balls as nodules, and the tables that go with them."""

import csv

import numpy as np

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import scans
from tests.helpers.patients import TINY

SHAPE = (40, 48, 56)
SPACING, ORIGIN = (1.0, 1.0, 2.0), (-100.0, -50.0, 300.0)
"""x, y, z, as in the files."""
TURNED = np.diag([-1.0, -1.0, 1.0])
"""Some of LUNA16's scans run against x and y."""
DIAMETER = 8.0
COLUMNS = ["seriesuid", "coordX", "coordY", "coordZ"]


def world(index, direction=None):
    """Where voxel (z, y, x) of a scan is, as the tables say it: x, y, z in mm, LPS."""
    step = np.asarray(index, float)[::-1] * SPACING
    return np.asarray(ORIGIN) + (step if direction is None else direction @ step)


def scan(balls, seed):
    """A scan of air with noise and balls of 400 HU, `DIAMETER` mm, about voxels (z, y, x)."""
    rng = np.random.default_rng(seed)
    values = np.full(SHAPE, -800, np.int16) + rng.integers(-50, 50, SHAPE).astype(np.int16)
    z, y, x = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    for ball in balls:
        mm = [(axis - at) * step for axis, at, step in zip((z, y, x), ball, SPACING[::-1], strict=True)]
        values[np.sqrt(sum(m * m for m in mm)) <= DIAMETER / 2] = 400
    return values


def write_table(path, value, rows):
    """A table with these rows, (series, x, y, z, value)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, value])
        writer.writerows(rows)


def write_luna(folder, count=10, negatives=6, first=0):
    """A scan a fold: one or two nodules each, two candidates on each, and others; returns the nodules by series.

    Args:
        first: number of the first scan: others are of other people.
    """
    rng = np.random.default_rng(1)
    nodules, annotations, candidates, excluded = {}, [], [], []
    for number in range(first, first + count):
        series = f"1.2.{number}"
        direction = TURNED if number % 2 else None
        balls = [(12, 14, 16), (28, 34, 40)][: 1 + number % 2]
        values = scan(balls, number)
        scans.write(folder / f"subset{number % 10}/{series}.mhd", values, SPACING, direction, ORIGIN)
        nodules[series] = balls
        for ball in balls:
            centre = world(ball, direction)
            annotations.append([series, *centre, DIAMETER])
            candidates += [[series, *(centre + np.array([shift, 0, 0])), 1] for shift in (0.5, -2.0)]
        disputed = world((8, 40, 8), direction)
        excluded.append([series, *disputed, -1])
        candidates.append([series, *disputed, 0])
        for _ in range(negatives):
            place = rng.integers((4, 4, 24), (36, 10, 52))
            candidates.append([series, *world(place, direction), 0])
    write_table(folder / "candidates_V2.csv", "class", candidates)
    write_table(folder / "annotations.csv", "diameter_mm", annotations)
    write_table(folder / "evaluationScript/annotations/annotations_excluded.csv", "diameter_mm", excluded)
    return nodules


def ingested(source, cache):
    """The data set in a new cache."""
    outcomes = run(plan(find("luna", source), cache, load_recipe("pcrlv2-3d", TINY)), 1)
    assert not [outcome.error for outcome in outcomes if outcome.error]
    return Cache(cache).dataset("luna")
