"""Hours in one process, with faults at random: memory, descriptors, threads and child processes stay as many."""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from pcrl.engine.cache.cache import Cache
from pcrl.engine.ingest import ingest
from pcrl.engine.loading.loader import Loader
from pcrl.engine.selection.select import select
from pcrl.evaluation.predict.predict import predict
from pcrl.evaluation.run.evaluate import evaluate
from tests.helpers import patients
from tests.helpers.mutations import damaged

WARM_UP = 5
"""Rounds in which pools, kernels and libraries are loaded."""


@dataclass(frozen=True)
class Soaked:
    """What came of it.

    Args:
        rounds: of ingest, loader and prediction, each with a fault.
        first, last: medians of the first and of the last quarter: MB of memory, descriptors, threads, child processes.
    """

    rounds: int
    minutes: float
    first: tuple[float, ...]
    last: tuple[float, ...]

    @property
    def flat(self):
        """Memory within a tenth, and of all else not one more."""
        return self.last[0] < 1.1 * self.first[0] and all(
            after <= before for before, after in zip(self.first[1:], self.last[1:], strict=True)
        )

    def __str__(self):
        one, two = (
            f"{memory:.0f} MB, {files:.0f} descriptors, {threads:.0f} threads, {children:.0f} child processes"
            for memory, files, threads, children in (self.first, self.last)
        )
        return f"at first {one}; at last {two}"


def soak(minutes, place, seed):
    """Rounds until the time is over."""
    rng, measured = np.random.default_rng(seed), []
    recipe = patients.RECIPE.model_copy(
        update={"training": patients.RECIPE.training.model_copy(update={"on_corrupt": "skip"})}
    )
    patients.write_lits(place / "lits")
    (place / "pristine").mkdir()
    ingest("lits", place / "lits", cache=place / "cache", recipe=recipe, workers=2)
    settings = {"overrides": ["finetuning.fewest_steps=1"], "device": "cpu", "epochs": 1}
    evaluate("lits", cache=place / "cache", arms=("scratch",), out=place / "scores", **settings)
    started, rounds = time.monotonic(), 0
    while time.monotonic() - started < 60 * minutes:
        rounds += 1
        _bad_scan(place, recipe, rng)
        _bad_chunk(place, recipe, rng)
        _bad_input(place, rng)
        if rounds > WARM_UP:
            measured.append(_held())
    quarter = max(1, len(measured) // 4)
    first, last = (
        tuple(map(median, zip(*part, strict=True))) for part in (measured[:quarter], measured[-quarter:])
    )
    return Soaked(rounds, (time.monotonic() - started) / 60, first, last)


def _held():
    """MB of memory, descriptors, threads and child processes of this process."""
    own = Path("/proc/self")
    pages = int((own / "statm").read_text().split()[1])
    threads = list((own / "task").iterdir())
    children = sum(len((thread / "children").read_text().split()) for thread in threads)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list((own / "fd").iterdir())), len(threads), children


def _bad_scan(place, recipe, rng):
    """An ingest with a damaged scan, into a cache that goes again."""
    bad = sorted((place / "lits").glob("volume-*.nii"))[int(rng.integers(0, 3))]
    content = bad.read_bytes()
    try:
        bad.write_bytes(damaged(content, rng))
        ingest("lits", place / "lits", cache=place / "fresh", recipe=recipe, workers=2)
    finally:
        bad.write_bytes(content)
        shutil.rmtree(place / "fresh", ignore_errors=True)


def _bad_chunk(place, recipe, rng):
    """An epoch of the loader with bytes of a case that are not as they were."""
    shards = sorted((place / "cache/lits/cases").glob("*/image.zarr/**/c/**/*"))
    shard = [path for path in shards if path.is_file()][int(rng.integers(0, 2))]
    content = shard.read_bytes()
    place_of = int(rng.integers(0, len(content) // 2))
    try:
        shard.write_bytes(content[:place_of] + rng.bytes(16) + content[place_of + 16 :])
        loader = Loader(select(Cache(place / "cache"), ("lits",), recipe), epochs=1, threads=2)
        with contextlib.closing(iter(loader)) as batches:
            for _ in batches:
                pass
    finally:
        shard.write_bytes(content)


def _bad_input(place, rng):
    """A prediction of a scan that is whole, and of one that is not."""
    whole = place / "lits/volume-3.nii"
    (place / "bad.nii").write_bytes(damaged(whole.read_bytes(), rng))
    predict("lits", [whole, place / "bad.nii"], run=place / "scores", out=place / "masks", device="cpu")
    shutil.rmtree(place / "masks")
