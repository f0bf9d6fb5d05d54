"""Commands killed at random instants, again and again, until one came to its end; what they leave is compared."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcrl.faults import VARIABLE
from tests.helpers.cache import faults, tree
from tests.helpers.command import environment


@dataclass(frozen=True)
class Killed:
    """What came of a command that was killed over and over.

    Args:
        kills: SIGKILLs that hit it at work.
        differing: what is not as in a run that was not disturbed; empty if all is.
    """

    kills: int
    differing: tuple[str, ...]


def until_it_ends(first, again, cwd, longest, rng):
    """Start a command, kill it with all its children after a random time, and so on; how often it was killed.

    Args:
        first, again: words of the command, at first and after a kill; `again` is given the working directory.
        longest: seconds after which it is killed at the latest; twice as many after ten kills, so that it ends.
    """
    kills, call = 0, first
    while True:
        process = subprocess.Popen(
            [sys.executable, "-m", "pcrl", *map(str, call)], cwd=cwd, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        try:
            _, said = process.communicate(timeout=float(rng.uniform(0, longest)) * (1 + kills // 10))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills, call = kills + 1, again(cwd)
            continue
        assert process.returncode == 0, said
        return kills


def killed_often(count, prepare, first, again, compare, longest, seed):
    """Repeat until `count` kills have hit.

    Args:
        prepare: makes the working directory, which is given.
        compare: what differs from the undisturbed one, given both directories.
    """
    rng, kills, differing = np.random.default_rng(seed), 0, []
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(_scratch()))
        calm, place = root / "calm", root / "place"
        prepare(place)
        assert until_it_ends(first, again, place, 1e6, rng) == 0
        place.rename(calm)
        while kills < count:
            prepare(place)
            hit = until_it_ends(first, again, place, longest, rng)
            differing += [f"after {hit} kills: {each}" for each in compare(calm, place)]
            kills += hit
            shutil.rmtree(place)
            if not hit:
                longest = max(1.0, longest * 0.7)
    return Killed(kills, tuple(differing))


@contextlib.contextmanager
def _scratch():
    import tempfile

    folder = tempfile.mkdtemp(prefix="pcrl-harness-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def caches(calm, place):
    """What differs between two caches, and what `verify` finds in the second."""
    one, two = (tree(folder / "cache") for folder in (calm, place))
    found = [f"cache/{name}" for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)]
    for dataset in sorted(path for path in (place / "cache").iterdir() if path.is_dir()):
        found += [f"verify: {name}: {what}" for name, what in faults(dataset).items()]
    return found


def runs(calm, place):
    """What differs between two pre-trainings, but when it was and how fast."""
    found = _of_files(calm, place, "run/checkpoints/**/*")
    if _lines(calm / "run/metrics.jsonl") != _lines(place / "run/metrics.jsonl"):
        found.append("run/metrics.jsonl")
    return found + leftovers(place / "run")


def evaluations(calm, place):
    """What differs between two evaluations, but when it was and how long it took."""
    found = _of_files(
        calm, place, "scores/runs/**/*.npz", "scores/runs/**/*.safetensors", "scores/overlays/*.png"
    )
    for name in ("scores.csv", "cases.csv", "seeds.csv", "comparisons.csv", "splits.csv"):
        if (calm / "scores" / name).read_bytes() != (place / "scores" / name).read_bytes():
            found.append(f"scores/{name}")
    return found + leftovers(place / "scores")


def leftovers(folder):
    """Files that only an unfinished step leaves, and folders with nothing in them."""
    return [
        f"left: {path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        if path.name.endswith((".partial", ".old")) or (path.is_dir() and not any(path.iterdir()))
    ]


def _of_files(calm, place, *patterns):
    names = {
        str(path.relative_to(root))
        for root in (calm, place)
        for pattern in patterns
        for path in root.glob(pattern)
        if path.is_file()
    }
    return [name for name in sorted(names) if _content(calm / name) != _content(place / name)]


def _content(path):
    return path.read_bytes() if path.is_file() else None


def _lines(path):
    timed = ("samples_per_second", "waiting", "seconds_per_step")
    lines = map(json.loads, path.read_text().splitlines())
    return [{name: value for name, value in line.items() if name not in timed} for line in lines]


def killed_at_every_point(prepare, first, again, compare):
    """Once before each step on files in turn, and then left alone to its end."""
    rng, differing, point = np.random.default_rng(0), [], 0
    with _scratch() as scratch:
        calm, place = Path(scratch) / "calm", Path(scratch) / "place"
        prepare(place)
        until_it_ends(first, again, place, 1e6, rng)
        place.rename(calm)
        while True:
            point += 1
            prepare(place)
            done = subprocess.run(
                [sys.executable, "-m", "pcrl", *map(str, first)], cwd=place, check=False,
                env=environment() | {VARIABLE: str(point)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if done.returncode == 0:
                return Killed(point - 1, tuple(differing))
            assert done.returncode == -signal.SIGKILL
            until_it_ends(again(place), again, place, 1e6, rng)
            differing += [f"at point {point}: {each}" for each in compare(calm, place)]
            shutil.rmtree(place)
