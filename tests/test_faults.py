"""A process ends before the step that it was told, and files are written whole or not at all."""

import signal
import subprocess
import sys

from pcrl import faults as points
from pcrl.files import new_file
from tests.helpers.command import environment


def test_the_variable_ends_a_process_before_its_point(tmp_path):
    code = "import sys, pathlib, pcrl.files as files; files.write_text(pathlib.Path(sys.argv[1]), 'new')"
    path = tmp_path / "x"
    for point, ended, content in ((1, True, "old"), (2, True, "old"), (3, True, "new"), (4, False, "new")):
        path.write_text("old")
        path.with_name(".x.partial").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", code, path], env=environment() | {points.VARIABLE: str(point)}, check=False
        )
        assert done.returncode == (-signal.SIGKILL if ended else 0), point
        assert path.read_text() == content, point
    done = subprocess.run(
        [sys.executable, "-c", code, path], env=environment() | {points.VARIABLE: "x"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "PCRL_FAULT_POINT=x: expected the number of a step" in done.stderr


def test_a_partial_that_is_a_link_is_not_written_through(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".x.partial").symlink_to(tmp_path / "victim")
    with new_file(tmp_path / "x") as partial:
        partial.write_text("new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "x").read_text() == "new"
