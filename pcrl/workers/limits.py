"""How long a worker may take for one thing, and how much memory it may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHARE = 0.8
"""Of the memory that is free, for all workers together: the rest is for whoever started them."""
LEAST = 1 << 30
"""Bytes below which no reader gets anything done."""
DEADLINE = 1800.0
"""Seconds for one case, or one image: the largest CT on a slow network file system takes a few minutes."""
HEADER_SECONDS = 60.0
"""Seconds for one header: a file system that is woken up takes a few."""
HEADER_BYTES = 4 << 30
"""Address space that a reader of headers may take beyond what it has when it is up; no header needs a hundredth."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEMBERSHIP, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may take for one task.

    Args:
        seconds: after which it is stopped.
        resident: bytes of resident memory beyond which it is stopped; none: any.
        address_space: bytes that it may ask for beyond those it has when it is up; none: any.
        longer: what gives it more time, in words; empty if nothing does.
    """

    seconds: float = DEADLINE
    resident: int | None = None
    address_space: int | None = None
    longer: str = "--deadline SECONDS"


def of_readers(workers: int, deadline: float | None = None, memory: float | None = None) -> Limits:
    """Limits of workers that read voxels.

    Args:
        workers: that work at a time.
        deadline: seconds for one file or case. None: `DEADLINE`.
        memory: GB (10^9 bytes) for each worker. None: its part of what is free.
    """
    part = int(memory * 1e9) if memory is not None else max(LEAST, int(SHARE * free_memory() / workers))
    return Limits(DEADLINE if deadline is None else deadline, part)


def of_headers(deadline: float | None = None) -> Limits:
    """Limits of workers that read headers.

    Args:
        deadline: seconds for one file, where the user has given them for one case. None, or the usual one of a case:
            `HEADER_SECONDS`.
    """
    if deadline is None:
        return Limits(HEADER_SECONDS, address_space=HEADER_BYTES, longer="")
    seconds = HEADER_SECONDS if deadline == DEADLINE else deadline
    return Limits(seconds, address_space=HEADER_BYTES)


def free_memory(membership: Path = _MEMBERSHIP, groups: Path = _GROUPS) -> int:
    """Bytes that processes can still take: what Linux calls available, and no more than control groups leave.

    Args:
        membership: which groups this process is in, as Linux lists them.
        groups: where control groups are mounted.
    """
    return max(0, min([_available(), *_left(membership, groups)]))


def resident(pid: int) -> int:
    """Bytes of resident memory of a process; 0 if it is gone, or where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * _PAGE


def _left(membership: Path, groups: Path) -> Iterator[int]:
    """Bytes that each control group, and those above it, leave to its processes; version 2, or version 1."""
    try:
        lines = [line.split(":", 2) for line in membership.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return
    for _, controllers, path in lines:
        if controllers and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        names = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes")
            if controllers
            else ("memory.max", "memory.current")
        )
        folder = root / path.strip("/")
        for place in (folder, *folder.parents):
            try:
                limit, used = (int((place / name).read_text(encoding="ascii")) for name in names)
                cached = _cached(place / "memory.stat")
            except (OSError, ValueError):
                pass  # `max`, or no such file: no limit.
            else:
                yield limit - max(0, used - cached)
            if place == root:
                break


def _cached(statistics: Path) -> int:
    """Bytes of files that a group keeps in memory until somebody needs it."""
    lines = (line.split() for line in statistics.read_text(encoding="ascii").splitlines())
    return next((int(line[1]) for line in lines if line[0] in ("inactive_file", "total_inactive_file")), 0)
