"""From `files.json` every byte of a data set can be checked; while an ingest is under way it is not there."""

import json

import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.commit import COMMIT
from pcrl.engine.cache.digests import DIGESTS, write_digests
from pcrl.engine.cache.images.dataset import STACK
from pcrl.engine.cache.images.discard import discard_shard
from pcrl.engine.ingest import ingest
from pcrl.files import sha256_of
from tests.helpers import radiographs, scans
from tests.helpers.cache import faults
from tests.helpers.command import pcrl


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    radiographs.chexpert(folder / "chexpert")
    ingest("chexpert", folder / "chexpert", cache=folder / "cache", recipe="cpu-2d", size=64)
    return folder


def unnamed(folder):
    """Files that neither `files.json` nor a record that it names holds a digest of."""
    named = set(json.loads((folder / DIGESTS).read_text())["files"])
    for name in list(named):
        if name.endswith(COMMIT):
            within = json.loads((folder / name).read_text())["files"]
            named |= {name.replace(COMMIT, file) for file in within}
        if name.startswith("shards/"):
            # The record of a shard holds its digest, and that of its thumbnails.
            named |= {f"{STACK}/c/{int(name[7:13])}/0/0", name.replace(".json", ".npy")}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in there - named - {DIGESTS} if not name.rpartition("/")[2].startswith(".")}


def test_every_file_of_images_is_named(images):
    folder = images / "cache/chexpert"
    assert not unnamed(folder)
    assert not faults(folder)
    table = json.loads((folder / DIGESTS).read_text())["files"]["table.csv"]
    path = folder / "table.csv"
    assert table == {"size": path.stat().st_size, "sha256": sha256_of(path)}


def test_a_changed_table_is_found_and_the_next_ingest_mends_it(images):
    folder = images / "cache/chexpert"
    before = (folder / "table.csv").read_bytes()
    (folder / "table.csv").write_bytes(before.replace(b",male,", b",fema,"))
    assert faults(folder) == {"table.csv": ("content differs from what was written (SHA-256)",)}
    done = pcrl("cache", "verify", "cache", cwd=images)
    assert done.returncode == 1
    assert "damaged chexpert/table.csv: content differs" in done.stdout
    ingest("chexpert", images / "chexpert", cache=images / "cache")
    assert not faults(folder)
    assert (folder / "table.csv").read_bytes() == before


def test_what_is_taken_out_leaves_no_digests(images):
    opened = Cache(images / "cache").image_set("chexpert")
    kept = (opened.folder / DIGESTS).read_bytes()
    discard_shard(opened.folder, 0, opened.record.recipe.data, opened.table)
    assert not (opened.folder / DIGESTS).exists()
    ingest("chexpert", images / "chexpert", cache=images / "cache")
    assert (opened.folder / DIGESTS).read_bytes() == kept


@pytest.mark.slow
def test_every_file_of_volumes_is_named(tmp_path):
    scans.write(tmp_path / "luna/subset0/1.2.3.mhd", scans.body())
    (tmp_path / "luna/annotations.csv").write_text("seriesuid,coordX\n1.2.3,1.0\n")
    folder = ingest("luna", tmp_path / "luna", cache=tmp_path / "cache", recipe="cpu-3d", workers=1).folder
    assert {"dataset.json", "tables/annotations.csv"} < set(
        json.loads((folder / DIGESTS).read_text())["files"]
    )
    assert not unnamed(folder)
    (folder / "tables/annotations.csv").unlink()
    assert faults(folder) == {"tables/annotations.csv": ("missing",)}


def test_an_upgrade_writes_them_anew(images):
    folder = images / "cache/chexpert"
    (folder / "shards/000000.npy").unlink()
    assert pcrl("cache", "upgrade", "cache", cwd=images).returncode == 0
    assert (folder / DIGESTS).is_file()
    assert not faults(folder)
    (folder / DIGESTS).unlink()
    assert pcrl("cache", "upgrade", "cache", cwd=images).returncode == 0
    assert not unnamed(folder)


def test_what_pcrl_did_not_write_is_none_of_it(tmp_path):
    for name in (".lock", "images.json", "notes.txt", "shards/000000.json", "shards/notes.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    write_digests(tmp_path)
    assert set(json.loads((tmp_path / DIGESTS).read_text())["files"]) == {"images.json", "shards/000000.json"}
