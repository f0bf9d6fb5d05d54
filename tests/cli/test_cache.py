"""`pcrl cache info`, `verify`, `copy` and `preview`: what they say, find, take out and show."""

import numpy as np
import pytest
from PIL import Image

from pcrl.engine.cache.cache import Cache
from pcrl.engine.ingest import ingest_table
from tests.helpers import radiographs, scans
from tests.helpers.command import pcrl


@pytest.fixture
def workplace(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"data/lits/volume-{n}.nii", scans.body())
    scans.write(tmp_path / "data/lits/segmentation-0.nii", (scans.body() > 0).astype(np.uint8))
    assert pcrl("ingest", "--dataset", "lits", "--workers", "1", cwd=tmp_path).returncode == 0
    return tmp_path


def test_info_counts_what_is_there(workplace):
    shown = pcrl("cache", "info", cwd=workplace)
    assert shown.returncode == 0, shown.stderr
    for text in (
        "2 (ct), 1 with a label",
        "2 patients",
        "pcrlv2-3d: 1×1×1 mm",
        "zarr, lz4, chunks of 32³",
        "1 liver, 2 tumour",
    ):
        assert text in shown.stdout
    cases = pcrl("cache", "info", "cache", "--cases", cwd=workplace).stdout
    assert "volume-1" in cases
    assert "24×32×40" in cases
    # One of two has a label: which of them a split counts is said.
    assert "2 patients, 1 of them with a label" in shown.stdout


def test_data_that_no_evaluation_is_scored_on_has_no_split(tmp_path):
    for n in range(6):
        radiographs.write(tmp_path / f"films/{n}.png", radiographs.picture(n))
    rows = "".join(f"{n},{n % 2},p{n}\n" for n in range(6))
    (tmp_path / "films/patients.csv").write_text("case,patient\n" + "".join(f"{n},p{n}\n" for n in range(6)))
    (tmp_path / "labelled.csv").write_text(f"image,sick,patient\n{rows}")
    small = ("--recipe", "cpu-2d", "--size", "32")
    assert pcrl("ingest", "--layout", "folder", "--source", "films", *small, cwd=tmp_path).returncode == 0
    shown = pcrl("cache", "info", cwd=tmp_path).stdout
    assert "none, as there are no labels: pre-training sees all of it" in shown
    assert "held back" not in shown
    assert not any(
        line.startswith(f"│ {split} ") for line in shown.splitlines() for split in ("train", "test")
    )
    ingest_table(tmp_path / "labelled.csv", tmp_path / "films", cache=tmp_path / "cache")
    held = set(Cache(tmp_path / "cache").image_set("labelled").table.splits) - {"train"}
    shown = pcrl("cache", "info", "--dataset", "films", cwd=tmp_path).stdout
    assert held
    assert "held back by other data sets here" in shown


def test_verify_finds_discards_and_ingest_mends(workplace):
    def verify(*flags):
        return pcrl("cache", "verify", "cache", *flags, cwd=workplace)

    whole = verify()
    assert whole.returncode == 0, whole.stderr
    assert "2 cases checked, 0 damaged" in whole.stdout
    shard = workplace / "cache/lits/cases/volume-1/image.ome.zarr/0/c/0/0/0/0"
    expected = shard.read_bytes()
    shard.write_bytes(expected[:-1])
    found = verify()
    assert found.returncode == 1
    assert "lits/volume-1: image.ome.zarr/0/c/0/0/0/0" in found.stdout
    assert "--discard" in found.stdout
    assert verify("--discard").returncode == 0
    assert not (workplace / "cache/lits/cases/volume-1").exists()
    assert "was not ingested" in verify().stdout
    assert pcrl("ingest", "--dataset", "lits", "--workers", "1", cwd=workplace).returncode == 0
    assert shard.read_bytes() == expected
    assert "2 cases checked, 0 damaged, 0 never ingested" in verify().stdout


def test_copy_to_hdf5_goes_on_where_it_was(workplace):
    def copy(*arguments):
        return pcrl("cache", "copy", *arguments, cwd=workplace)

    done = copy("cache", "other")
    assert done.returncode == 0, done.stderr
    assert "2 cases copied to other as hdf5, 0 were there already" in done.stdout
    assert "0 cases copied to other as hdf5, 2 were there" in copy("cache", "other").stdout
    assert "hdf5, lz4" in pcrl("cache", "info", "other", cwd=workplace).stdout
    assert "2 cases checked, 0 damaged" in pcrl("cache", "verify", "other", cwd=workplace).stdout
    again = pcrl("ingest", "--dataset", "lits", "--cache", "other", cwd=workplace)
    assert "nothing to do" in again.stdout
    refused = pcrl("ingest", "--dataset", "lits", "--cache", "other", "--format", "zarr", cwd=workplace)
    assert refused.returncode == 1
    assert "pcrl cache copy other NEW --format zarr" in refused.stderr
    assert "give another folder" in copy("cache", "cache").stderr


def test_preview_shows_every_case(workplace):
    done = pcrl("cache", "preview", "cache", "--out", "pictures/sheet.png", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 cases of lits: pictures/sheet.png" in done.stdout
    picture = np.asarray(Image.open(workplace / "pictures/sheet.png").convert("L"))
    rows = np.array_split(picture, 2)
    assert all(row.std() > 20 for row in rows)
    assert "1 of 2" in pcrl("cache", "preview", "--count", "1", cwd=workplace).stdout


def test_no_cache_there_is_one_message(tmp_path):
    done = pcrl("cache", "verify", "nowhere", cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere is not a cache, or an empty one: make one with `pcrl ingest" in done.stderr
