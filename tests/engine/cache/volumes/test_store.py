"""One suite for both formats of the cache: what goes in comes out, by every way of reading, or damage is named."""

import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.chunks.boxes import BoxReader
from pcrl.engine.cache.chunks.frames import StoredArray, encode
from pcrl.engine.cache.chunks.scratch import Scratch
from pcrl.engine.cache.format import CacheError
from pcrl.engine.cache.lock import WORKERS
from pcrl.engine.cache.volumes.copy import begin_copy, copy_cases
from pcrl.engine.cache.volumes.stores import store_of
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.loading.order import Order
from pcrl.engine.loading.ring import Ring
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.engine.volumes.render import VolumeRenderer
from pcrl.kernels.chunks import blosc
from tests.helpers import scans

IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
ATTRIBUTES = {"air": [-1000, -1000], "modality": "ct"}
SHAPE = (2, 37, 30, 45)


def grid(shape=SHAPE[1:]):
    return Grid(shape, (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), IDENTITY)


@pytest.fixture(params=["zarr", "hdf5"])
def store(request):
    return store_of(request.param)


WAYS = ["mapped", "read", "plain"]


@contextmanager
def by(way):
    """A scratch for one way of reading: a map, piece by piece as on a network file system, without the C library."""
    scratch = Scratch()
    if way == "plain":
        scratch.decompressor = None
    with mock.patch("pcrl.engine.cache.chunks.files.on_network", return_value=way == "read"):
        yield scratch


@pytest.fixture(params=["lz4", "zstd"])
def codec(request):
    return request.param


def voxels(seed=0):
    """Two channels of smooth values with some noise; a corner is air, so that whole chunks are missing."""
    values = np.cumsum(np.random.default_rng(seed).integers(-3, 4, SHAPE), axis=-1).astype(np.int16)
    values[:, :16, :16, :16] = -1000
    return values


def write(store, folder, codec="lz4", chunk=16, values=None):
    values = voxels() if values is None else values
    folder.mkdir(exist_ok=True)
    store.write_image(folder, "a", encode(values, chunk, codec, -1000), grid(), ATTRIBUTES)
    return values


# In a process of its own: with the plugin loaded, h5py writes the filter's name into new files.
WITH_H5PY = "import sys, h5py, hdf5plugin, numpy; numpy.save(sys.argv[2], h5py.File(sys.argv[1])['0'][...])"


def by_library(store, folder):
    """The image through zarr-python or h5py alone."""
    if store.image.endswith(".h5"):
        values = folder / "values.npy"
        subprocess.run([sys.executable, "-c", WITH_H5PY, folder / store.image, values], check=True)
        return np.load(values)
    return zarr.open_array(folder / store.image / "0", mode="r")[...]


def test_libraries_read_what_was_written(store, codec, tmp_path):
    values = write(store, tmp_path, codec)
    np.testing.assert_array_equal(by_library(store, tmp_path), values)
    np.testing.assert_array_equal(StoredArray(store.image_table(tmp_path)).read(), values)
    assert store.image_attributes(tmp_path) == ATTRIBUTES
    store.check(tmp_path, labelled=False)


def test_shard_holds_what_zarr_would_have_written(tmp_path):
    values = write(store_of("zarr"), tmp_path / "own")
    group = zarr.open_group(tmp_path / "own/image.ome.zarr", mode="r")
    theirs = zarr.create_array(
        tmp_path / "theirs", shape=SHAPE, dtype="int16", chunks=group["0"].chunks, shards=group["0"].shards,
        fill_value=-1000, compressors=group["0"].compressors, dimension_names=["c", "z", "y", "x"],
    )  # fmt: skip
    theirs[...] = values
    own, their = (tmp_path / n / "c/0/0/0/0" for n in ("own/image.ome.zarr/0", "theirs"))
    assert own.stat().st_size == their.stat().st_size
    assert (tmp_path / "theirs/zarr.json").read_text(encoding="utf-8") == (
        tmp_path / "own/image.ome.zarr/0/zarr.json"
    ).read_text(encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["zarr", "hdf5"])
def test_any_box_equals_slicing(tmp_path_factory, data, way, name):
    folder = tmp_path_factory.getbasetemp() / f"boxes-{name}"
    store = store_of(name)
    if not folder.exists():
        write(store, folder)
    start = tuple(data.draw(st.integers(-20, n + 5)) for n in SHAPE[1:])
    size = tuple(data.draw(st.integers(1, 40)) for _ in range(3))
    channel = data.draw(st.integers(0, 1))
    padded = np.full([n + 140 for n in SHAPE[1:]], 7, np.int16)
    padded[tuple(slice(70, 70 + n) for n in SHAPE[1:])] = voxels()[channel]
    expected = padded[tuple(slice(70 + s, 70 + s + n) for s, n in zip(start, size, strict=True))]
    box = np.full(size, 7, np.int16)
    with by(way) as scratch:
        BoxReader(store.image_table(folder)).read(channel, start, box, scratch)
    np.testing.assert_array_equal(box, expected)


def test_the_fast_way_is_there():
    assert blosc.AVAILABLE


def test_array_of_nothing_but_fill_value(store, tmp_path):
    empty = np.full(SHAPE, -1000, np.int16)
    write(store, tmp_path, values=empty)
    np.testing.assert_array_equal(by_library(store, tmp_path), empty)
    box = np.zeros((20, 20, 20), np.int16)
    BoxReader(store.image_table(tmp_path)).read(1, (3, 3, 3), box, Scratch())
    assert (box == -1000).all()


def test_labels_are_replaced_whole(store, tmp_path):
    write(store, tmp_path)
    for value in (1, 300):
        label = np.zeros(SHAPE[1:], np.uint16)
        label[3:9] = value
        original = label[::2].copy()
        frames = [encode(array, 16, "lz4", 0) for array in (label, original)]
        store.write_labels(tmp_path, frames[0], grid(), frames[1], grid(original.shape))
        store.check(tmp_path, labelled=True)
        np.testing.assert_array_equal(StoredArray(store.label_table(tmp_path)).read(), label)
        np.testing.assert_array_equal(StoredArray(store.label_table(tmp_path, True)).read(), original)


def pixel_file(store, folder):
    return folder / store.image / ("" if store.image.endswith(".h5") else "0/c/0/0/0/0")


def read_all(store, folder, scratch):
    reader = BoxReader(store.image_table(folder))
    for channel in range(SHAPE[0]):
        reader.read(channel, (0, 0, 0), np.empty(SHAPE[1:], np.int16), scratch)


@pytest.mark.parametrize("way", WAYS)
def test_every_flipped_bit_of_a_chunk_is_found(store, tmp_path, way):
    write(store, tmp_path)
    table, path = store.image_table(tmp_path), pixel_file(store, tmp_path)
    offset, size = int(table.offsets[1, 1, 1, 1]), int(table.sizes[1, 1, 1, 1])
    content = path.read_bytes()
    with by(way) as scratch:
        for bit in np.random.default_rng(0).integers(0, 8 * size, 30):
            damaged = bytearray(content)
            damaged[offset + bit // 8] ^= 1 << (bit % 8)
            path.write_bytes(damaged)
            with pytest.raises(CacheError, match=r"chunk .*1, 1, 1.* is damaged: .*checksum"):
                read_all(store, tmp_path, scratch)
        path.write_bytes(content)
        read_all(store, tmp_path, scratch)


def test_truncated_and_missing_files_are_named(store, tmp_path):
    write(store, tmp_path)
    path = pixel_file(store, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CacheError, match=str(path)):
        read_all(store, tmp_path, Scratch())
    path.unlink()
    (tmp_path / store.image).with_name("zarr.json").unlink(missing_ok=True)
    if store.image.endswith(".h5"):
        with pytest.raises(CacheError, match=r"image\.h5 cannot be opened"):
            store.image_table(tmp_path)


@pytest.mark.parametrize("how", ["link", "soft link", "raw file", "virtual"])
@pytest.mark.parametrize("name", ["0", "0_crc32c"])
def test_an_array_of_hdf5_that_is_kept_in_another_file_is_refused(tmp_path, how, name):
    store = store_of("hdf5")
    write(store, tmp_path)
    (tmp_path / "image.h5").rename(tmp_path / "elsewhere.h5")
    with h5py.File(tmp_path / "elsewhere.h5") as other, h5py.File(tmp_path / "image.h5", "w") as file:
        for kept in {"0", "0_crc32c"} - {name}:
            other.copy(other[kept], file)
        array, place = other[name], str(tmp_path / "elsewhere.h5")
        if how == "link":
            file[name] = h5py.ExternalLink(place, name)
        elif how == "soft link":
            file["x"] = h5py.ExternalLink(place, name)
            file[name] = h5py.SoftLink("/x")
        elif how == "raw file":
            file.create_dataset(name, array.shape, array.dtype, external=place)
        else:
            layout = h5py.VirtualLayout(array.shape, array.dtype)
            layout[:] = h5py.VirtualSource(place, name, array.shape)
            file.create_virtual_dataset(name, layout)
    with pytest.raises(CacheError, match=rf"image\.h5: {name} is kept elsewhere than in this file"):
        store.image_table(tmp_path)


def test_file_that_shrinks_after_its_index_was_read_is_named(store, tmp_path):
    write(store, tmp_path)
    table, path = store.image_table(tmp_path), pixel_file(store, tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CacheError, match="beyond the end"):
        BoxReader(table).read(1, (16, 16, 16), np.empty((21, 14, 29), np.int16), Scratch())


def test_file_on_a_network_that_shrinks_while_it_is_open_is_named(store, tmp_path):
    """Out of a map that would end the process."""
    write(store, tmp_path)
    box = np.empty((21, 14, 29), np.int16)
    with by("read") as scratch:
        reader = BoxReader(store.image_table(tmp_path))
        reader.read(1, (16, 16, 16), box, scratch)
        os.truncate(pixel_file(store, tmp_path), 1000)
        with pytest.raises(CacheError, match="has become shorter"):
            reader.read(1, (16, 16, 16), box, scratch)


RECIPE = load_recipe(
    "cpu-3d",
    [
        *scans.VIEWS, "data.spacing=[1, 1, 1]", "training.batch_size=2", "training.epochs=1",
        "training.samples_per_case=4", "data.chunk=16",
    ],
)  # fmt: skip


@pytest.fixture
def source(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"lits/volume-{n}.nii", scans.body((24 + 4 * n, 32, 40)))
    scans.write(tmp_path / "lits/segmentation-0.nii", (scans.body() > 0).astype(np.uint8))
    return tmp_path / "lits"


def ingest(source, cache, storage):
    planned = plan(find("lits", source), cache, RECIPE, storage=storage)
    assert not any(outcome.error for outcome in run(planned, 1))
    return Cache(cache).dataset("lits")


def copied(dataset, root, storage):
    cases = begin_copy(dataset, root, storage)
    assert len(list(copy_cases(cases, root / dataset.name, storage))) == len(cases)
    return Cache(root).dataset(dataset.name)


def files(dataset):
    return {
        str(path.relative_to(dataset.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(dataset.folder).rglob("*"))
        if path.is_file() and path.name != WORKERS
    }


def batches(dataset):
    renderer = VolumeRenderer(dataset.cases, ["foreground"] * len(dataset.cases), RECIPE)
    order = Order(renderer.groups, 2, seed=0)
    digest = hashlib.sha256()
    with Ring(renderer, order, threads=2) as loader:
        for batch in loader:
            for array in (batch.globals, batch.target, batch.locals):
                digest.update(array.tobytes())
            batch.release()
    return digest.hexdigest()


@pytest.mark.slow
def test_copies_are_what_ingest_would_have_written_and_give_the_same_batches(source, tmp_path):
    first = ingest(source, tmp_path / "zarr", "zarr")
    second = ingest(source, tmp_path / "hdf5", "hdf5")
    there = copied(first, tmp_path / "there", "hdf5")
    back = copied(there, tmp_path / "back", "zarr")
    assert files(there) == files(second)
    assert files(back) == files(first)
    assert begin_copy(first, tmp_path / "there", "hdf5") == []
    assert batches(first) == batches(second) == batches(back)


def test_copying_a_damaged_case_names_it_and_leaves_no_half(source, tmp_path):
    dataset = ingest(source, tmp_path / "zarr", "zarr")
    shard = pixel_file(dataset.cases[1].store, dataset.cases[1].folder)
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(CacheError, match=str(shard)):
        copied(dataset, tmp_path / "copy", "hdf5")
    assert [case.name for case in Cache(tmp_path / "copy").dataset("lits").cases] == ["volume-0"]


@pytest.mark.slow
def test_labels_added_to_hdf5_leave_the_image_file(source, tmp_path):
    (source / "segmentation-0.nii").rename(source.parent / "kept.nii")
    case = ingest(source, tmp_path / "later", "hdf5").cases[0]
    before = (case.folder / "image.h5").stat().st_ino
    (source.parent / "kept.nii").rename(source / "segmentation-0.nii")
    later = ingest(source, tmp_path / "later", None)
    assert (later.cases[0].folder / "image.h5").stat().st_ino == before
    assert files(later) == files(ingest(source, tmp_path / "fresh", "hdf5"))
