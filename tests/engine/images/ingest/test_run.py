"""Images into the cache: whole shards or none, every image named, the same bytes whatever happened on the way."""

import csv
import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import zarr

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.datasets.layouts.images.chexpert import find as find_chexpert
from pcrl.datasets.layouts.images.table import find as find_table
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.digests import DIGESTS
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.images.dataset import STACK, CachedImages
from pcrl.engine.cache.images.discard import discard_shard
from pcrl.engine.cache.images.reader import ImageReader
from pcrl.engine.cache.images.table import ABOUT, COLUMNS, TABLE
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.engine.images.reading import read_picture
from tests.helpers import dicom, radiographs
from tests.helpers.cache import faults

RECIPE = load_recipe("cpu-2d", ["data.size=64", "data.shard=10"])


@pytest.fixture
def source(tmp_path):
    return radiographs.chexpert(tmp_path / "chexpert")


def ingest(source, cache, recipe=RECIPE, threads=2):
    found = list(run(plan(find_chexpert(source), cache, recipe), threads))
    return CachedImages.open(cache / "chexpert"), found


def files(cache):
    return {
        str(path.relative_to(cache)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(cache.rglob("*"))
        if path.is_file()
    }


def test_zarr_reads_what_the_table_names(source, tmp_path):
    images, done = ingest(source, tmp_path / "cache")
    table = images.table
    assert len(table) == len(done) == 32
    stack = zarr.open_array(images.folder / STACK, mode="r")
    assert (stack.shape, stack.dtype) == ((32, 128, 128), np.uint8)
    reader, scratch = ImageReader(images.folder, images.record.recipe.data), Scratch()
    plain = Scratch()
    plain.decompressor = None
    for n in range(0, 32, 5):
        index, (height, width) = int(table.index[n]), table.shapes[n].tolist()
        path = source / done[n].path
        expected = read_picture(path, RECIPE.data).values
        assert (height, width) == expected.shape == (64, 80)
        for found in (stack[index], reader.read(index, scratch).copy(), reader.read(index, plain)):
            np.testing.assert_array_equal(found[:height, :width], expected)
            assert not found[height:].any()
            assert not found[:, width:].any()


def test_table_is_csv_with_patients_views_splits_and_labels(source, tmp_path):
    images, _ = ingest(source, tmp_path / "cache")
    with (images.folder / TABLE).open() as file:
        rows = list(csv.DictReader(file))
    row = rows[0]
    assert (row["patient"], row["view"], row["study"]) == ("patient00001", "frontal", "patient00001/study1")
    assert {r["split"] for r in rows if r["name"].startswith("valid")} == {"test"}
    assert {r["split"] for r in rows if r["name"].startswith("train")} <= {"train", "val"}
    table = images.table
    wanted = [{"": -2}.get(row[name], int(row[name] or 0)) for name in table.label_names]
    assert table.labels[0].tolist() == wanted
    assert set(np.unique(table.labels)) == {-2, -1, 0, 1}


def test_number_of_threads_changes_nothing(source, tmp_path):
    ingest(source, tmp_path / "one", threads=1)
    ingest(source, tmp_path / "three", threads=3)
    assert files(tmp_path / "one") == files(tmp_path / "three")


def test_again_reads_nothing_and_changes_nothing(source, tmp_path):
    ingest(source, tmp_path / "cache")
    before = files(tmp_path / "cache")
    _, done = ingest(source, tmp_path / "cache")
    assert done == []
    assert files(tmp_path / "cache") == before


KILLED = """
import json, sys, time
from pathlib import Path
from pcrl.config import recipe_from
from pcrl.datasets.layouts.images.chexpert import find
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
recipe = recipe_from(json.loads(sys.argv[3]))
for n, _ in enumerate(run(plan(find(Path(sys.argv[1])), Path(sys.argv[2]), recipe), 1)):
    print(n, flush=True)
    time.sleep(0.02)
"""


@pytest.mark.parametrize("after", [3, 14, 21])
def test_killed_and_run_again_ends_as_an_undisturbed_run(source, tmp_path, after):
    ingest(source, tmp_path / "whole")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, source, tmp_path / "cache", RECIPE.model_dump_json()],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        text=True,
    ) as process:
        for line in process.stdout:
            if int(line) >= after:
                break
        process.send_signal(signal.SIGKILL)
    _, done = ingest(source, tmp_path / "cache")
    # The shard before the last that was read may have been on its way to disk.
    assert len(done) in (32 - after // 10 * 10, 32 - max(0, after // 10 - 1) * 10)
    assert files(tmp_path / "cache") == files(tmp_path / "whole")


def test_new_images_come_after_the_others_and_keep_their_places(source, tmp_path):
    images, _ = ingest(source, tmp_path / "cache")
    before = dict(zip(images.table.names, images.table.index, strict=True))
    (source / "valid").rename(source / "kept")
    radiographs.chexpert(source, patients=13, valid=4)
    images, done = ingest(source, tmp_path / "cache")
    after = dict(zip(images.table.names, images.table.index, strict=True))
    assert len(images.table) == 34
    assert {name: after[name] for name in before} == before
    assert {file.name for file in done} >= {
        f"train/patient00013/study1/{v}" for v in ("view1_frontal", "view2_lateral")
    }


def test_changed_labels_do_not_read_images_again(source, tmp_path):
    ingest(source, tmp_path / "cache")
    text = (source / "train.csv").read_text(encoding="utf-8")
    (source / "train.csv").write_text(text.replace("-1.0", "1.0"))
    images, done = ingest(source, tmp_path / "cache")
    assert done == []
    assert -1 not in images.table.labels


def test_another_size_is_another_stack(source, tmp_path):
    ingest(source, tmp_path / "cache")
    bigger = load_recipe("cpu-2d", ["data.size=72", "data.shard=16", "data.bits=16"])
    images, done = ingest(source, tmp_path / "cache", bigger)
    assert len(done) == 32
    assert images.table.shapes[0].tolist() == [72, 90]
    found = ImageReader(images.folder, bigger.data).read(0, Scratch())
    assert found.dtype == np.uint16
    assert found.max() > 255


def test_bad_images_are_named_and_nothing_else_is_lost(source, tmp_path):
    bad = sorted((source / "train").rglob("*.jpg"))[:6]
    bad[0].unlink()
    bad[1].write_bytes(b"")
    bad[2].write_bytes(bad[3].read_bytes()[:1500])
    radiographs.write(bad[3], np.array([[7]], np.uint8))
    radiographs.write(bad[4], np.full((80, 80), 9, np.uint8))
    bad[5].write_text("no image")
    images, done = ingest(source, tmp_path / "cache")
    reasons = [file.error for file in done if file.error]
    for reason, words in zip(
        reasons,
        ("no such file", "0 bytes", "cannot be read", "1×1", "every pixel is 9", "neither PNG"),
        strict=True,
    ):
        assert words in reason
    for reason, path in zip(reasons, bad, strict=True):
        assert str(path) in reason
    assert len(images.table) == 26
    assert [name for name, _ in images.table.failed] == [file.name for file in done if file.error]
    # Mended, only these are read again; all of them come to their places.
    for n, path in enumerate(bad):
        radiographs.write(path, radiographs.picture(n))
    images, done = ingest(source, tmp_path / "cache")
    assert len(done) == 6
    assert images.table.index.tolist() == list(range(32))


def test_every_damaged_image_is_found_named_and_made_anew(source, tmp_path):
    images, _ = ingest(source, tmp_path / "cache")
    before = files(tmp_path / "cache")
    assert not faults(images.folder)
    reader = ImageReader(images.folder, images.record.recipe.data)
    path, shard = reader.file_of(1), reader.shard(1)
    content = bytearray(path.read_bytes())
    content[int(shard.offsets[4]) + 100] ^= 4
    path.write_bytes(content)
    assert list(faults(images.folder).values()) == [(f"image {images.table.names[14]} is damaged",)]
    for decompressor in (Scratch().decompressor, None):
        scratch = Scratch()
        scratch.decompressor = decompressor
        fresh = ImageReader(images.folder, images.record.recipe.data)
        with pytest.raises(CacheError, match="image 4 of it is damaged"):
            fresh.read(14, scratch)
    discard_shard(images.folder, 1, images.record.recipe.data, images.table)
    _, done = ingest(source, tmp_path / "cache")
    assert len(done) == 10
    assert files(tmp_path / "cache") == before


def test_truncated_and_missing_shards_are_found(source, tmp_path):
    images, _ = ingest(source, tmp_path / "cache")
    reader = ImageReader(images.folder, images.record.recipe.data)
    reader.file_of(0).write_bytes(reader.file_of(0).read_bytes()[:-50])
    reader.file_of(2).unlink()
    found = faults(images.folder)
    assert found.keys() == {f"{STACK}/c/{number}/0/0" for number in (0, 2)}
    assert "index" in found[f"{STACK}/c/0/0/0"][0]
    assert found[f"{STACK}/c/2/0/0"] == ("missing",)


def test_a_folder_without_labels_is_taken_whole(tmp_path):
    for n in range(3):
        radiographs.write(tmp_path / f"xrays/a/{n}.png", radiographs.picture(n))
    list(run(plan(find("folder", tmp_path / "xrays"), tmp_path / "cache", RECIPE), 1))
    images = CachedImages.open(tmp_path / "cache/xrays")
    assert images.table.names == ["a/0", "a/1", "a/2"]
    assert images.table.labels.shape == (3, 0)


def test_age_sex_and_projection_are_in_the_table(source, tmp_path):
    images, _ = ingest(source, tmp_path / "cache")
    assert set(images.table.ages) == {50}
    assert set(images.table.sexes) == {"male"}
    assert images.table.projections[:2] == ["AP", ""]


def test_a_table_of_an_earlier_version_is_read_and_is_the_same_content(source, tmp_path):
    images, _ = ingest(source, tmp_path / "cache")
    path, now, identity = images.folder / TABLE, images.table, images.identity()
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    first, after = len(COLUMNS), len(COLUMNS) + len(ABOUT)
    (images.folder / DIGESTS).unlink()
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([*row[:first], *row[after:]] for row in rows)
    before = CachedImages.open(images.folder)
    assert before.identity() == identity == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(before.table.labels, now.labels)
    assert np.isnan(before.table.ages).all()
    assert set(before.table.sexes) == set(before.table.projections) == {""}
    again, read = ingest(source, tmp_path / "cache")
    assert not read
    assert set(again.table.ages) == {50}


def test_what_headers_state_fills_what_a_table_does_not(tmp_path):
    values = np.arange(128 * 100).reshape(128, 100) % 4000
    person = {
        "PatientSex": "M",
        "PatientBirthDate": "19600101",
        "StudyDate": "20200615",
        "PatientName": "Doe^J",
    }
    for name in "ab":
        dicom.radiograph(tmp_path / f"x/{name}.dcm", values, patient="S-77", ViewPosition="LL", **person)
    (tmp_path / "t.csv").write_text("image,sex,Mass\na,female,1\nb,,0\n")
    list(run(plan(find_table(tmp_path / "t.csv", tmp_path / "x"), tmp_path / "cache", RECIPE), 1))
    table = CachedImages.open(tmp_path / "cache/t").table
    assert (table.ages.tolist(), table.sexes, table.views) == ([60, 60], ["female", "male"], ["lateral"] * 2)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert not any(word in stored for word in (b"19600101", b"20200615", b"Doe", b"S-77"))
