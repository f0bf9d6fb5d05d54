"""What is no regular file is told in words, and never opened."""

import os
import socket

import pytest

from pcrl.regular import why_not_regular


def test_regular_files_and_links_to_them(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    assert why_not_regular(tmp_path / "file") == why_not_regular(tmp_path / "link") == ""


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "is a named pipe (FIFO), expected a regular file"),
        (lambda path: path.mkdir(), "is a folder, expected a regular file"),
        (
            lambda path: path.symlink_to("/dev/zero"),
            "is a link to /dev/zero, a device, expected a regular file",
        ),
        (lambda path: path.symlink_to("gone"), "is a link to gone, which is not there"),
        (lambda path: path.symlink_to(path), "cannot be read: "),
        (lambda path: None, "no such file"),
    ],
)
def test_what_is_none(tmp_path, make, said):
    make(tmp_path / "x")
    assert why_not_regular(tmp_path / "x").startswith(said)


def test_a_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "x"))
        assert "a socket" in why_not_regular(tmp_path / "x")
