"""Files of the cache: what kind of file system they are on, and bringing them into memory."""

import ctypes
import mmap
import os

import numpy as np
import pytest

from pcrl.engine.cache.chunks import files
from pcrl.engine.cache.chunks.files import BLOCK, ChunkFile, on_network


def in_memory(path):
    """Share of a file's pages that the system holds."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        content = np.frombuffer(mapped, np.uint8)
        pages = (ctypes.c_ubyte * -(-content.size // mmap.PAGESIZE))()
        libc = ctypes.CDLL(None)
        assert not libc.mincore(ctypes.c_void_p(content.ctypes.data), ctypes.c_size_t(content.size), pages)
        del content
        return np.mean(np.frombuffer(pages, np.uint8) & 1)


@pytest.fixture
def cold(tmp_path):
    """A file of two and a half blocks that the system has forgotten."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(5 * BLOCK // 2))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if in_memory(path) > 0.1:
        pytest.skip("this file system does not let go of a file")
    return path


def test_reading_ahead_brings_in_the_whole_file_and_reads_nothing_twice(cold):
    file, block = ChunkFile(cold), bytearray(BLOCK)
    assert file.read_ahead(block) >= BLOCK
    assert in_memory(cold) == 1
    assert file.read_ahead(block) == 0
    np.testing.assert_array_equal(file.content, np.fromfile(cold, np.uint8))


def test_network_file_systems_are_known_by_their_mount(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    device = path.stat().st_dev
    for kind, expected in {
        "ext4": False,
        "fuseblk": False,
        "nfs4": True,
        "lustre": True,
        "fuse.sshfs": True,
    }.items():
        monkeypatch.setattr(files, "_kinds_of_mounts", lambda kind=kind: {device: kind})
        assert on_network(path) is expected
        opened = ChunkFile(path)
        assert (opened.descriptor >= 0) is expected
        assert opened.read().tobytes() == b"abc"


def test_mounts_of_this_machine_are_read():
    assert "proc" in files._kinds_of_mounts().values()


def test_a_missing_file_has_no_bytes(tmp_path):
    opened = ChunkFile(tmp_path / "none")
    assert (opened.size, opened.descriptor, opened.content.size) == (0, -1, 0)
    assert opened.read_ahead(bytearray(BLOCK)) == 0
