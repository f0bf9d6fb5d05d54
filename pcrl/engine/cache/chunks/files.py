"""A file of the cache, open for reading: mapped where that is safe, read piece by piece on network file systems.

A map is the fastest way to a chunk, but a file that another machine makes shorter ends the process (SIGBUS), and a
network file system answers a page fault page by page.
"""

from __future__ import annotations

import os
import weakref
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.format import CacheError
from pcrl.kernels.chunks.decode import OpenFile

BLOCK = 4 << 20
"""Bytes that are read ahead in one go: long enough that a latency of some milliseconds does not count."""
_PAGE = 4096
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "pvfs2", "smb3",
    "smbfs", "virtiofs",
}  # fmt: skip


def on_network(path: Path) -> bool:
    """Whether a file lies on a file system that other machines write to, by the kind of its mount."""
    kind = _kinds_of_mounts().get(path.stat().st_dev, "")
    return kind in _NETWORK or kind.startswith("fuse.")


@cache
def _kinds_of_mounts() -> dict[int, str]:
    kinds = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        major, _, minor = before.split()[2].partition(":")
        kinds[os.makedev(int(major), int(minor))] = after.split()[0]
    return kinds


class ChunkFile:
    """The bytes of one file that holds chunks; of no bytes if it is missing, as an array of nothing but fill value is.

    Args:
        content: all bytes, mapped; empty where the file is read through `descriptor`.
        descriptor: −1 where the file is mapped.
        size: bytes when it was opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: NDArray[np.uint8] = np.empty(0, np.uint8)
        self.descriptor, self.size, self._open = -1, 0, -1
        try:
            self._open = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        weakref.finalize(self, os.close, self._open)
        self.size = os.fstat(self._open).st_size
        if on_network(path):
            self.descriptor = self._open
        elif self.size:
            with open(self._open, "rb", closefd=False) as file:
                self.content = np.memmap(file, np.uint8, "r").view(np.ndarray)

    def check(self) -> None:
        """Refuse a file that was made shorter since it was opened: its map would end the process where it has no bytes.

        Raises:
            CacheError: names it.
        """
        if self._open >= 0 and (size := os.fstat(self._open).st_size) < self.size:
            raise CacheError(
                f"{self.path} was {self.size:,} bytes when it was opened, and is {size:,} now: something writes to the "
                "cache; run `pcrl cache verify`"
            )

    @property
    def open(self) -> OpenFile:
        """The file as kernels take it."""
        return OpenFile(self.content, self.descriptor, self.size)

    def read(self) -> NDArray[np.uint8]:
        """All bytes, for those who do not mind the time."""
        if self.descriptor < 0:
            return self.content
        content = np.empty(self.size, np.uint8)
        count, view = 0, memoryview(content.data)
        while count < self.size and (done := os.preadv(self.descriptor, [view[count:]], count)):
            count += done
        return content[:count]

    def read_ahead(self, block: bytearray) -> int:
        """Bring into memory what is not there yet, from the first byte to the last.

        `posix_fadvise` is not enough: the system reads no more of a file for it than its device takes in one go.

        Args:
            block: of `BLOCK` bytes, overwritten.

        Returns:
            Bytes that were read.
        """
        read = 0
        for offset in range(0, self.size, BLOCK):
            last = min(offset + BLOCK, self.size) - 1
            if not (self._in_memory(offset) and self._in_memory(last - last % _PAGE)):
                read += os.preadv(self._open, [block], offset)
        return read

    def _in_memory(self, offset: int) -> bool:
        """Whether a page can be had without waiting; no where the file system cannot tell."""
        try:
            return os.preadv(self._open, [bytearray(_PAGE)], offset, os.RWF_NOWAIT) > 0
        except OSError:  # it would have to wait, or is a file system that does not know this way of asking
            return False
