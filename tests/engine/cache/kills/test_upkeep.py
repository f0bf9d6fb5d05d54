"""The same of what else writes to a cache: copying, taking out what is damaged, adding what later versions keep."""

import json
import shutil

import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.upgrade import complete, outdated_cases, outdated_shards, upgrade_case, upgrade_shards
from pcrl.engine.cache.verification.verify import verify_dataset
from pcrl.engine.cache.volumes.copy import begin_copy, copy_cases
from pcrl.engine.cache.writer import writing
from pcrl.engine.ingest import ingest
from tests.helpers import radiographs
from tests.helpers.cache import flip, tree
from tests.helpers.cache.kills import EVERY, IMAGES, ingested, label, survives


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["zarr", "hdf5"])
def test_a_copy(source, storage):
    ingested(source, source / "origin", "zarr")

    def copied():
        dataset = Cache(source / "origin").dataset("lits")
        with writing(source / "cache/lits"):
            list(copy_cases(begin_copy(dataset, source / "cache", storage), source / "cache/lits", storage))

    copied()
    shutil.move(source / "cache", source / "before")
    label(source, 0, above=100)
    label(source, 1)
    ingested(source, source / "origin", "zarr")
    shutil.copytree(source / "before", source / "cache")
    copied()
    expected = tree(source / "cache")
    every = EVERY[storage]
    assert survives(copied, source / "before", expected, "lits", source / "cache", every=every) > 40


@pytest.mark.slow
def test_what_is_taken_out_and_put_aside(source):
    ingested(source, source / "whole", "zarr")
    shutil.copytree(source / "whole", source / "before")
    flip(source / "before/lits/cases/volume-0/image.ome.zarr/0/c/0/0/0/0", 40)
    (source / "before/lits/cases/volume-0/notes.txt").write_text("mine")
    folder = source / "cache"

    def mended():
        with writing(folder / "lits", mending=True):
            for finding in verify_dataset(folder / "lits"):
                if finding.faults:
                    finding.discard()
        ingested(source, folder, "zarr")

    expected = tree(source / "whole")
    (source / "mine").write_text("mine")
    expected |= {
        "lits/lost+found": "folder",
        "lits/lost+found/cases-volume-0-notes.txt": tree(source)["mine"],
    }
    survives(mended, source / "before", expected, "lits", folder)


@pytest.mark.parametrize("kind", [pytest.param("volumes", marks=pytest.mark.slow), "images"])
def test_an_upgrade(source, kind):
    if kind == "volumes":
        ingested(source, source / "before", "zarr")
        dataset, folder = "lits", source / "before/lits"
        for path in folder.glob("cases/*/commit.json"):
            path.write_text(_without(path, "thumbnails.npy"))
            (path.parent / "thumbnails.npy").unlink()
    else:
        radiographs.chexpert(source / "chexpert", patients=1, valid=1)
        ingest("chexpert", source / "chexpert", cache=source / "before", **IMAGES)
        dataset, folder = "chexpert", source / "before/chexpert"
        for path in folder.glob("shards/*.npy"):
            path.unlink()
    (folder / "files.json").unlink()

    def upgraded():
        opened = Cache(source / "cache")
        if kind == "volumes":
            volumes = opened.dataset(dataset, as_is=True)
            with writing(volumes.folder):
                for case in outdated_cases(volumes):
                    upgrade_case(case)
                complete(volumes)
        else:
            images = opened.image_set(dataset, as_is=True)
            with writing(images.folder):
                list(upgrade_shards(images, outdated_shards(images)))
                complete(images)

    shutil.copytree(source / "before", source / "cache")
    upgraded()
    assert survives(upgraded, source / "before", tree(source / "cache"), dataset, source / "cache") > 10


def _without(path, name):
    record = json.loads(path.read_text())
    del record["files"][name]
    return json.dumps(record, indent=1) + "\n"
