"""What an installation brings along."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def setuptools() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def test_every_folder_with_code_is_installed():
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "pcrl").rglob("*.py")}
    assert setuptools()["packages"] == [*sorted(".".join(folder.parts) for folder in folders), "pcrl_cli"]


def test_every_folder_with_code_is_a_package():
    for path in (ROOT / "pcrl").rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path.parent


def test_all_that_is_no_code_is_installed():
    brought = {
        path
        for package, patterns in setuptools()["package-data"].items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    there = {
        path
        for path in (ROOT / "pcrl").rglob("*")
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__"
    }
    assert brought == there
