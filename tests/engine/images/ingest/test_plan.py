"""Images of the same names from another folder, and names of any bytes."""

import os
import shutil

import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.ingest import ingest
from tests.helpers import radiographs


def write(folder, *numbers):
    for number in numbers:
        radiographs.write(folder / f"{number}.png", radiographs.picture(number))


def stored(folder, **options):
    return ingest("folder", folder, cache=folder.parents[1] / "cache", recipe="cpu-2d", **options)


def test_other_files_of_the_same_names_are_refused_unless_they_are_to_replace(tmp_path):
    write(tmp_path / "a/mine", 0, 1)
    stored(tmp_path / "a/mine")
    for number in (0, 1):
        radiographs.write(tmp_path / f"b/mine/{number}.png", radiographs.picture(5 + number))
    with pytest.raises(
        CacheError, match=r"holds 2 images of .*a/mine that .*b/mine does not have, or has other"
    ):
        stored(tmp_path / "b/mine")
    before = Cache(tmp_path / "cache").image_set("mine").table.pixels
    assert len(stored(tmp_path / "b/mine", replace=True).stored) == 2
    after = Cache(tmp_path / "cache").image_set("mine").table.pixels
    assert not set(before) & set(after)


def test_another_folder_without_the_images_that_are_there_is_refused(tmp_path):
    write(tmp_path / "a/mine", 0, 1)
    stored(tmp_path / "a/mine")
    write(tmp_path / "b/mine", 2)
    with pytest.raises(CacheError, match="such as 0: they would be gone"):
        stored(tmp_path / "b/mine")


def test_a_moved_folder_and_new_images_go_on(tmp_path):
    write(tmp_path / "a/mine", 0, 1)
    stored(tmp_path / "a/mine")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "b/mine", 2)
    report = stored(tmp_path / "b/mine")
    assert ([one.name for one in report.done], report.already_cached) == (["2"], 2)


def test_names_of_any_bytes(tmp_path):
    write(tmp_path / "a/mine", 0)
    for name in (b"M\x81ller.png", b"[red].png", "胸部.png".encode(), b"two\nlines.png"):
        shutil.copy(tmp_path / "a/mine/0.png", tmp_path / "a/mine" / os.fsdecode(name))
    assert not stored(tmp_path / "a/mine").failed
    assert not stored(tmp_path / "a/mine").done
    names = Cache(tmp_path / "cache").image_set("mine").table.names
    assert sorted(names) == sorted(["0", r"M\x81ller", "[red]", "胸部", r"two\nlines"])
