"""What earlier versions did not keep is made from what is in the cache."""

import json
import shutil

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.datasets.layouts.images.chexpert import find as find_chexpert
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.cache.upgrade import complete, outdated_cases, outdated_shards, upgrade_case, upgrade_shards
from pcrl.engine.cache.volumes.dataset import identity
from pcrl.engine.images.ingest.plan import plan as plan_images
from pcrl.engine.images.ingest.run import run as run_images
from pcrl.engine.selection.fingerprints import fingerprints_of_cases, fingerprints_of_images
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from tests.helpers import patients, radiographs
from tests.helpers.cache import faults

IMAGES = load_recipe("cpu-2d", ["data.size=64", "data.shard=10"])


def as_earlier_versions_left(folder):
    """Take away what they did not write: digests of records, thumbnails, and the fields that name them."""
    (folder / "files.json").unlink(missing_ok=True)
    for path in [*folder.glob("dataset.json"), *folder.glob("images.json")]:
        record = json.loads(path.read_text(encoding="utf-8"))
        del record["digests"]
        path.write_text(json.dumps(record))
    for path in [*folder.rglob("thumbnails.npy"), *folder.glob("shards/*.npy")]:
        path.unlink()
    for path in folder.glob("cases/*/commit.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        del record["files"]["thumbnails.npy"]
        path.write_text(json.dumps(record, indent=1) + "\n")
    for path in folder.glob("shards/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        del record["thumbnails"]
        path.write_text(json.dumps(record))


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """Folder with a cache of volumes and images."""
    root = tmp_path_factory.mktemp("ingested")
    patients.write_lits(root / "lits")
    assert not [
        o for o in run(plan(find("lits", root / "lits"), root / "cache", patients.RECIPE), 1) if o.error
    ]
    found = plan_images(find_chexpert(radiographs.chexpert(root / "chexpert")), root / "images", IMAGES)
    assert list(run_images(found, 2))
    return root


def test_volumes(ingested, tmp_path):
    shutil.copytree(ingested / "cache", tmp_path / "cache")
    cases = list(Cache(tmp_path / "cache").dataset("lits").cases)
    before, content = fingerprints_of_cases(cases), identity(cases)
    assert before.without_thumbnails() == 0
    as_earlier_versions_left(tmp_path / "cache/lits")
    old = Cache(tmp_path / "cache").dataset("lits")
    assert fingerprints_of_cases(old.cases).without_thumbnails() == len(cases)
    outdated = outdated_cases(old)
    assert len(outdated) == len(cases)
    # A thumbnail that a killed upgrade left without a record is made again.
    (outdated[0].folder / "thumbnails.npy").write_bytes(b"half")
    for case in outdated:
        upgrade_case(case)
    new = Cache(tmp_path / "cache").dataset("lits")
    assert not outdated_cases(new)
    np.testing.assert_array_equal(fingerprints_of_cases(new.cases).thumbnails, before.thumbnails)
    assert not faults(new.folder)
    # Runs on it go on.
    assert identity(list(old.cases)) == identity(list(new.cases)) == content


def test_images(ingested, tmp_path):
    shutil.copytree(ingested / "images", tmp_path / "cache")
    folder = tmp_path / "cache/chexpert"
    images = CachedImages.open(folder)
    rows, content = np.arange(len(images.table)), images.identity()
    before = fingerprints_of_images(images, rows)
    as_earlier_versions_left(folder)
    assert fingerprints_of_images(images, rows).without_thumbnails() == len(rows)
    numbers = outdated_shards(images)
    assert list(upgrade_shards(images, numbers)) == numbers == [0, 1, 2, 3]
    np.testing.assert_array_equal(fingerprints_of_images(images, rows).thumbnails, before.thumbnails)
    assert not outdated_shards(images)
    assert not faults(folder)
    assert images.identity() == content


def test_damaged_thumbnails_of_images_are_found_and_made_anew(ingested, tmp_path):
    shutil.copytree(ingested / "images", tmp_path / "cache")
    images = CachedImages.open(tmp_path / "cache/chexpert")
    path = images.folder / "shards/000001.npy"
    path.write_bytes(path.read_bytes()[:-1])
    fault = "000001.npy: content differs from what was written (SHA-256); pcrl cache upgrade makes it anew"
    assert faults(images.folder) == {"images.zarr/c/1/0/0": (fault,)}
    assert list(upgrade_shards(images, outdated_shards(images))) == [1]
    complete(images)
    assert not faults(images.folder)
