"""The record says what a result depends on, and names a commit only where it is that of pcrl."""

import subprocess

import pytest

from pcrl.training.records import versions as recorded
from pcrl.training.records.versions import commit_of, versions


def git(folder, *arguments):
    identity = [
        "-c",
        "user.name=someone",
        "-c",
        "user.email=someone@example.org",
        "-c",
        "commit.gpgsign=false",
    ]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path):
    """A git tree with a package in it."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_what_scores_are_computed_with_is_in_the_record():
    found = versions()
    assert {"pcrl", "torch", "monai", "scipy", "SimpleITK", "numpy", "python"} <= set(found)
    assert "not installed" not in {found[name] for name in ("torch", "monai", "scipy", "SimpleITK")}


def test_the_commit_is_that_of_the_tree_and_changes_are_said(tree):
    commit = git(tree, "rev-parse", "HEAD")
    assert commit_of(tree / "package") == commit
    (tree / "elsewhere").write_text("not of the package")
    assert commit_of(tree / "package") == commit
    (tree / "package/__init__.py").write_text("changed = True")
    assert commit_of(tree / "package") == f"{commit} and changes"


def test_a_file_of_the_package_that_is_not_committed_is_a_change(tree):
    (tree / "package/new.py").write_text("")
    assert commit_of(tree / "package").endswith(" and changes")


def test_a_package_that_is_installed_within_somebody_elses_tree_has_no_commit(tree):
    (tree / "site-packages/package").mkdir(parents=True)
    (tree / "site-packages/package/__init__.py").write_text("")
    assert commit_of(tree / "site-packages/package") is None


def test_without_git_there_is_no_commit(tree, monkeypatch):
    monkeypatch.setenv("PATH", str(tree))
    assert commit_of(tree / "package") is None
    monkeypatch.setattr(recorded, "_HERE", tree / "package")
    assert "commit" not in versions()
