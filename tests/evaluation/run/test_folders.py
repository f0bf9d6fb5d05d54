"""New folders hold nothing; unfinished ones are found by when they were begun."""

import os
from pathlib import Path

import pytest

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.run.folders import new_folder, require_empty, to_go_on_with


def test_a_folder_that_holds_something_is_refused(tmp_path):
    require_empty(tmp_path / "new")
    require_empty(tmp_path)
    (tmp_path / "begun.json").touch()
    with pytest.raises(ProtocolError, match=r"is not empty: continue it \(--resume\), or give another --out"):
        require_empty(tmp_path, "begun.json")
    with pytest.raises(ProtocolError, match="is not empty: give another --out"):
        new_folder(tmp_path, "lits", "other.json")
    with pytest.raises(ProtocolError, match="is a file: give a folder as --out"):
        require_empty(tmp_path / "begun.json")


def test_the_newest_that_has_not_ended_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def found(out=None):
        def read(folder):
            return (folder / "begun").read_text(), f"asked in {folder.name}"

        return to_go_on_with(out, "lits", "eval", "begun", "ended", read)

    with pytest.raises(ProtocolError, match="pcrl eval lits has nothing unfinished in"):
        found()
    for n, name in enumerate(("lits-3", "mine", "lits-2", "brats-1")):
        folder = tmp_path / "evaluations" / name
        folder.mkdir(parents=True)
        (folder / "begun").write_text("brats" if name == "brats-1" else "lits")
        os.utime(folder / "begun", (n, n))
    (tmp_path / "evaluations/lits-2/ended").touch()
    mine = Path("evaluations/mine")
    assert found() == (mine, "asked in mine")
    assert found("evaluations/lits-3") == (Path("evaluations/lits-3"), "asked in lits-3")
    with pytest.raises(
        ProtocolError, match="brats-1 was begun by pcrl eval brats: go on with pcrl eval brats --out"
    ):
        found("evaluations/brats-1")
    assert new_folder(None, "lits", "begun").parent.name == "evaluations"


def test_what_a_killed_process_leaves_before_it_begins_is_nothing(tmp_path):
    for name in (".lock", ".evaluation.json.partial"):
        (tmp_path / name).touch()
    require_empty(tmp_path)
    (tmp_path / ".notes").touch()
    with pytest.raises(ProtocolError, match="is not empty"):
        require_empty(tmp_path)
