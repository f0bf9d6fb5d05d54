"""A file system in user space that gives the files of a folder slowly, as a network storage does.

    python benchmarks/throttled.py ORIGIN MOUNT MEGABYTES_A_SECOND LATENCY_MS

Every request waits for the latency, side by side with others; the bytes of all share one line of the given speed. The
kernel keeps what was read in memory, as it does for NFS.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mfusepy


class Throttled(mfusepy.Operations):
    """Read-only."""

    use_ns = True

    def __init__(self, origin: Path, megabytes: float, latency: float) -> None:
        self.origin, self.speed, self.latency = origin, megabytes * 1e6, latency / 1e3
        self._line, self._free = threading.Lock(), 0.0

    def _path(self, path: str) -> str:
        return str(self.origin) + path

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Of a file or folder; without delay."""
        try:
            status = os.lstat(self._path(path))
        except OSError as error:
            raise mfusepy.FuseOSError(error.errno or errno.ENOENT) from error
        names = ("st_mode", "st_size", "st_nlink", "st_uid", "st_gid")
        times = {f"st_{t}time": int(getattr(status, f"st_{t}time_ns")) for t in "amc"}
        return {name: getattr(status, name) for name in names} | times

    def readdir(self, path: str, fh: int) -> list[str]:
        """Names in a folder."""
        return [".", "..", *(entry.name for entry in Path(self._path(path)).iterdir())]

    def open(self, path: str, flags: int) -> int:
        """A descriptor of the file behind."""
        return os.open(self._path(path), os.O_RDONLY)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Wait for the line to be free, send, and add the latency."""
        data = os.pread(fh, size, offset)
        with self._line:
            begun = max(self._free, time.monotonic())
            self._free = begun + len(data) / self.speed
            due = self._free + self.latency
        time.sleep(max(0.0, due - time.monotonic()))
        return data

    def release(self, path: str, fh: int) -> int:
        """Close it."""
        os.close(fh)
        return 0


if __name__ == "__main__":
    origin, mount, megabytes, latency = sys.argv[1:]
    mfusepy.FUSE(
        Throttled(Path(origin).resolve(), float(megabytes), float(latency)), mount,
        foreground=True, ro=True, kernel_cache=True, fsname="throttled",
    )  # fmt: skip
