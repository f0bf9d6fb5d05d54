"""The same of images: shards, their records, and the table."""

import shutil

from pcrl.engine.ingest import ingest
from tests.helpers import radiographs
from tests.helpers.cache import tree
from tests.helpers.cache.kills import IMAGES, survives


def test_images_that_come_and_change(tmp_path):
    radiographs.chexpert(tmp_path / "chexpert", patients=1, valid=1)

    def ingested(cache):
        assert not ingest("chexpert", tmp_path / "chexpert", cache=cache, **IMAGES).failed

    folder = tmp_path / "cache"
    ingested(tmp_path / "before")
    first = survives(
        lambda: ingested(folder), tmp_path / "none", tree(tmp_path / "before"), "chexpert", folder
    )
    changed = tmp_path / "chexpert/train/patient00001/study1/view1_frontal.jpg"
    radiographs.write(changed, radiographs.picture(77))
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    ingested(tmp_path / "after")
    again = survives(
        lambda: ingested(folder), tmp_path / "before", tree(tmp_path / "after"), "chexpert", folder
    )
    assert min(first, again) > 20


def test_images_that_are_made_anew_for_other_settings(tmp_path):
    radiographs.chexpert(tmp_path / "chexpert", patients=1, valid=1)

    def ingested(cache, size):
        settings = IMAGES | {"size": size, "replace": True}
        assert not ingest("chexpert", tmp_path / "chexpert", cache=cache, **settings).failed

    ingested(tmp_path / "before", 32)
    ingested(tmp_path / "fresh", 48)
    folder = tmp_path / "cache"
    assert (
        survives(
            lambda: ingested(folder, 48), tmp_path / "before", tree(tmp_path / "fresh"), "chexpert", folder
        )
        > 20
    )
