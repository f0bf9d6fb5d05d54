"""Where commands are killed: what is there before, how they begin, and how they go on."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.harness.kills import caches, evaluations, killed_at_every_point, killed_often, runs
from tests.helpers import patients, radiographs, scans
from tests.helpers.command import pcrl

SETTINGS = [word for setting in patients.TINY for word in ("--set", setting)]
CPU = ("--device", "cpu")
IMAGES = ("--recipe", "cpu-2d", "--size", 64, "--workers", 2, "--set", "data.shard=8")


@dataclass(frozen=True)
class Scene:
    """One of them.

    Args:
        longest: seconds after which it is killed at the latest.
    """

    name: str
    prepare: Callable
    first: tuple
    again: Callable
    compare: Callable
    longest: float

    def killed(self, count, seed):
        """Killed until `count` kills have hit."""
        return killed_often(count, self.prepare, self.first, self.again, self.compare, self.longest, seed)

    def killed_at_points(self):
        """Killed once before each step on files."""
        return killed_at_every_point(self.prepare, self.first, self.again, self.compare)


def _must(*call, cwd):
    done = pcrl(*call, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def _lits(place):
    patients.write_lits(place / "data/lits")


def _changed(place, storage):
    """A cache whose source has changed since: a label that comes, one that goes, one that changes, a new scan."""
    _lits(place)
    data = place / "data/lits"
    (data / "segmentation-1.nii").rename(place / "kept.nii")
    _must("ingest", "--dataset", "lits", "--format", storage, "--workers", 1, *SETTINGS, cwd=place)
    (place / "kept.nii").rename(data / "segmentation-1.nii")
    (data / "segmentation-2.nii").unlink()
    _, block = patients.body(0)
    scans.write(data / "segmentation-0.nii", np.roll(block, 1, 0).astype(np.uint8), (1.0, 1.0, 2.0))
    scans.write(data / "volume-60.nii", patients.body(60)[0], (1.0, 1.0, 2.0))


def _images(place):
    radiographs.chexpert(place / "data/chexpert", patients=30, valid=6)


def _cached(place):
    _lits(place)
    _must("ingest", "--dataset", "lits", "--workers", 1, *SETTINGS, cwd=place)


def _once(scratch, make, place):
    """What is made in a place, made there once: caches know the times of files, and where they were read from."""
    kept = scratch / f"{make.__name__}-{place.parent.name}"
    if kept.exists():
        shutil.copytree(kept, place)
    else:
        make(place)
        shutil.copytree(place, kept)


def scenes(scratch):
    """All of them; what they share is made below `scratch`."""
    ingest = ("ingest", "--dataset", "lits", "--workers", 2)
    of_images = ("ingest", "--dataset", "chexpert", *IMAGES)
    train = ("pretrain", "--cache", "cache", "--out", "run", *CPU)
    longer = ("--set", "training.epochs=4", "--set", "training.log_every=2")
    score = ("eval", "lits", "--out", "scores", *CPU)
    what = ("--arms", "scratch", "--seeds", 2, "--epochs", 3, "--set", "finetuning.fewest_steps=4")
    cached = partial(_once, scratch, _cached)

    def ingesting(name, prepare, call):
        return Scene(name, partial(_once, scratch, prepare), call, lambda _: call, caches, 6)

    def fresh(storage):
        call = (*ingest, "--format", storage, *SETTINGS)
        return ingesting(f"ingest of scans ({storage})", _lits, call)

    def changed(storage):
        def made(place):
            _changed(place, storage)

        made.__name__ += storage
        return ingesting(f"ingest of labels that come and go ({storage})", made, ingest)

    def trained(cwd):
        return (*train, "--resume") if (cwd / "run/run.json").exists() else (*train, *longer)

    def scored(cwd):
        return (*score, "--resume") if (cwd / "scores/evaluation.json").exists() else (*score, *what)

    return [
        fresh("zarr"), fresh("hdf5"), changed("zarr"), changed("hdf5"),
        ingesting("ingest of radiographs", _images, of_images),
        Scene("pre-training", cached, (*train, *longer), trained, runs, 10),
        Scene("evaluation", cached, (*score, *what), scored, evaluations, 10),
    ]  # fmt: skip
