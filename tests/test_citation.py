"""How the software is to be cited."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_citation_is_of_this_version():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert (citation["title"], citation["version"]) == (project["name"], project["version"])
    assert citation["license"] == project["license"]
    assert {"message", "authors", "abstract"} <= citation.keys()
    [paper] = citation["references"]
    assert {"type", "title", "authors"} <= paper.keys()
