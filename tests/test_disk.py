"""Errors of a disk are told from others, in whatever they come wrapped."""

import errno
import os

import pytest

from pcrl.disk import disk_fault, is_full


def raised(error, cause=None):
    try:
        try:
            raise cause or ValueError
        except Exception as first:
            raise error from (first if cause else None)
    except Exception as caught:
        return caught


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO])
def test_a_disk_that_takes_no_more_is_named_with_what_to_do(number, tmp_path):
    error = OSError(number, os.strerror(number), str(tmp_path / "new/file"))
    said = disk_fault(raised(error))
    assert said.startswith(f"{tmp_path / 'new/file'}: ")
    assert ": " in said.removeprefix(str(tmp_path))
    assert ("MB are free" in said) == (number == errno.ENOSPC)
    assert is_full(raised(RuntimeError("something"), error)) == (number != errno.EIO)
    assert disk_fault(raised(RuntimeError("something"), error)) == said


def test_other_libraries_say_it_in_their_own_words():
    for text in (
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "Can't synchronously write data (file write failed: filename = 'x', file descriptor = 5, errno = 28, buf = 0)",
    ):
        assert disk_fault(RuntimeError(text)).startswith("no space is left on the disk")
        assert is_full(RuntimeError(text))


def test_what_is_about_something_else_is_left_alone():
    for error in (
        FileNotFoundError(errno.ENOENT, "No such file", "x"),
        ValueError("28"),
        KeyboardInterrupt(),
    ):
        assert disk_fault(error) is None
        assert not is_full(error)
    denied = PermissionError(errno.EACCES, "denied", "/x")
    assert (
        disk_fault(denied) == "/x: permission denied: change who may write there, or give a folder elsewhere"
    )
    assert not is_full(denied)
