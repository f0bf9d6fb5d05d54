"""What lacks a file, or has one of another size, is never read as if it were whole: every command says so and stops."""

import shutil

import pytest

from pcrl.engine.ingest import ingest
from tests.helpers import patients, radiographs
from tests.helpers.cache import read_in_this_process
from tests.helpers.command import pcrl, refused

TINY = [word for setting in patients.TINY for word in ("--set", setting)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    patients.write_lits(folder / "lits")
    radiographs.chexpert(folder / "chexpert", patients=12)
    with pytest.MonkeyPatch.context() as patch:
        read_in_this_process(patch)
        ingest(
            "lits",
            folder / "lits",
            cache=folder / "cache",
            recipe="pcrlv2-3d",
            overrides=patients.TINY,
            workers=1,
        )
    ingest(
        "chexpert",
        folder / "chexpert",
        cache=folder / "cache",
        recipe="cpu-2d",
        size=64,
        overrides=["data.shard=16"],
    )
    return folder


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made / "cache", tmp_path / "cache")
    return tmp_path


COMMANDS = {
    "pretrain": ("pretrain",),
    "eval": ("eval", "{}", "--from-scratch"),
    "curve": ("curve", "{}", "--from-scratch"),
    "bench": ("bench", "--seconds", "0.1", "--threads", "1"),
    "preview": ("cache", "preview"),
    "copy": ("cache", "copy", "cache", "copy"),
}
CASE = "cases/volume-0"
FILES = {
    "lits": [
        f"{CASE}/image.ome.zarr/0/c/0/0/0/0", f"{CASE}/image.ome.zarr/labels/segmentation/0/c/0/0/0",
        f"{CASE}/occupancy.npy", f"{CASE}/case.json", f"{CASE}/commit.json",
    ],
    "chexpert": ["images.zarr/c/0/0/0", "table.csv"],
}  # fmt: skip


def words_of(command, dataset):
    words = [word.format(dataset) for word in COMMANDS[command]]
    return words if command in ("eval", "curve") else [*words, "--dataset", dataset]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("dataset", FILES)
def test_a_lost_file_stops_every_command_that_reads(place, command, dataset):
    if (command, dataset) == ("copy", "chexpert"):
        return  # Images are not copied.
    for name in FILES[dataset]:
        path = place / "cache" / dataset / name
        content = path.read_bytes()
        path.unlink()
        said = refused(place, *words_of(command, dataset))
        assert dataset in said, name
        assert f"{path.relative_to(place)}: missing; {len(content)} bytes were written" in said, name
        assert "cache --discard`, then ingest it again (the same `pcrl ingest`)" in said
        path.write_bytes(content[:-1])
        said = refused(place, *words_of(command, dataset))
        assert f"{path.relative_to(place)}: {len(content) - 1} bytes, {len(content)} were written" in said, (
            name
        )
        path.write_bytes(content)


def test_the_case_is_named(place):
    (place / "cache/lits" / FILES["lits"][0]).unlink()
    assert "lits/volume-0: " in refused(place, "pretrain", "--dataset", "lits")


def test_an_ingest_reads_a_damaged_case_anew(place, made, monkeypatch):
    read_in_this_process(monkeypatch)
    path = place / "cache/lits" / FILES["lits"][0]
    content = path.read_bytes()
    path.unlink()
    done = pcrl("ingest", "--dataset", "lits", "--source", made / "lits", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "1 scan to read" in done.stdout
    assert path.read_bytes() == content
    assert pcrl("cache", "verify", "--dataset", "lits", cwd=place).returncode == 0
