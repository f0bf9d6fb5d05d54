"""Walking a tree: links are followed, and end."""

from pcrl.datasets.catalog import find
from pcrl.datasets.tree import walk


def test_linked_folders_are_followed_in_natural_order(tmp_path):
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    (tmp_path / "elsewhere/deep/volume-2.nii").touch()
    source = tmp_path / "lits"
    (source / "batch 10").mkdir(parents=True)
    (source / "batch 10/volume-10.nii").touch()
    (source / "batch 2").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert [case.name for case in find("lits", source).cases] == ["volume-2", "volume-10"]
    assert [str(folder.relative_to(source)) for folder, _ in walk(source)] == [
        ".", "batch 10", "batch 2", "batch 2/deep",
    ]  # fmt: skip


def test_a_source_that_is_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/volume-1.nii").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert len(find("lits", tmp_path / "link").cases) == 1


def test_loops_end_and_a_folder_with_two_ways_to_it_is_given_once(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/volume-1.nii").touch()
    (tmp_path / "b/up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b/self").symlink_to(tmp_path / "b", target_is_directory=True)
    (tmp_path / "a").symlink_to(tmp_path / "b", target_is_directory=True)
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing", target_is_directory=True)
    assert [str(folder.relative_to(tmp_path)) for folder, _ in walk(tmp_path)] == [".", "b"]
    assert [case.channels[0] for case in find("lits", tmp_path).cases] == [tmp_path / "b/volume-1.nii"]
