"""How many cores this process may use: those it is bound to, and no more than a container's limit of time on them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def usable_cores(membership: Path = _MEMBERSHIP, groups: Path = _GROUPS) -> int:
    """Cores that work of this process can run on at a time, at least one.

    The fewest of: the process's affinity (taskset, Slurm, Kubernetes' static policy), and the limit of time on cores
    (`cpu.max`, `docker --cpus`) of its control group and of every group above it, rounded up.

    Args:
        membership: which groups the process is in, as Linux lists them.
        groups: where control groups are mounted; version 2, or version 1 with its folder `cpu`.
    """
    cores = float(len(os.sched_getaffinity(0)))
    return max(1, math.ceil(min([cores, *_limits(membership, groups)])))


def _limits(membership: Path, groups: Path) -> Iterator[float]:
    """Cores' worth of time that each group allows; none where there is no limit, or nothing to read it from."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for folder in _upwards(groups, path):
                yield from _share(folder / "cpu.max")
        elif "cpu" in controllers.split(","):
            for folder in _upwards(groups / "cpu", path):
                yield from _share(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """The folder of a group and of those above it; in a container only the root may be there."""
    folder = root / path.strip("/")
    yield folder
    while folder != root:
        folder = folder.parent
        yield folder


def _share(*files: Path) -> Iterator[float]:
    try:
        words = [word for file in files for word in file.read_text(encoding="utf-8").split()]
        quota, period = float(words[0]), float(words[1])
    except (OSError, ValueError, IndexError):
        return  # `max` of version 2, or no such file: no limit.
    if quota > 0 and period > 0:
        yield quota / period
