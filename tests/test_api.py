"""The library's face: what it names is there, what it does not is said; and the code of docs/api.md runs."""

import re
import sys
from pathlib import Path

import pytest

import pcrl
from tests.helpers import patients

PAGE = Path(__file__).parents[1] / "docs/api.md"


def test_every_name_leads_somewhere_and_is_documented():
    for name in pcrl.__all__:
        assert getattr(pcrl, name)
        assert name in dir(pcrl)
        if not name.startswith("_"):
            assert getattr(pcrl, name).__doc__
            assert name in PAGE.read_text(encoding="utf-8")


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="no attribute 'train'; there are Cache, Loader"):
        pcrl.train  # noqa: B018


@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch, capsys):
    """Block after block in one namespace, as someone would paste them."""
    patients.write_lits(tmp_path / "data/lits")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    assert len(blocks) == 7
    namespace = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)
    said = capsys.readouterr().out
    assert "8 cases read, 0 failed" in said
    assert (tmp_path / "masks/volume-0.nii.gz").is_file()
    assert (tmp_path / "runs/second/metrics.jsonl").is_file()
    assert "__main__" in sys.modules
