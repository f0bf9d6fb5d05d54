"""Ingest as one call: what it tells, what it returns, and what it refuses."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pcrl.config import RecipeError, load_recipe
from pcrl.datasets.case import LayoutError
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.ingest import ingest, ingest_table
from pcrl.engine.progress import Progress
from tests.helpers import dicom, radiographs, scans


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self):
        self.events = []

    def note(self, text):
        self.events.append(("note", text))

    def planned(self, plan):
        self.events.append(("planned", plan))

    def done(self, one):
        self.events.append(("done", one))

    def finished(self, report):
        self.events.append(("finished", report))

    def kinds(self):
        return [kind for kind, _ in self.events]

    def plan(self):
        return next(event for kind, event in self.events if kind == "planned")


@pytest.fixture
def lits(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"lits/volume-{n}.nii", scans.body())
    scans.write(tmp_path / "lits/segmentation-0.nii", (scans.body() > 0).astype(np.uint8))
    return tmp_path / "lits"


@pytest.mark.slow
def test_volumes(lits, tmp_path):
    (lits / "volume-1.nii").write_bytes(b"")
    told = Told()
    report = ingest("lits", lits, cache=tmp_path / "cache", recipe="cpu-3d", workers=1, progress=told)
    assert told.kinds() == ["note", "planned", "done", "done", "finished"]
    assert told.events[0][1] == "1 volume without a segmentation, and so unlabelled: volume-1"
    assert told.plan().work == "2 scans to read"
    assert (told.plan().dataset, told.plan().todo, told.plan().already_cached) == ("lits", 2, 0)
    assert told.events[-1][1] == report
    assert [one.name for one in report.stored] == ["volume-0"]
    assert [one.name for one in report.failed] == ["volume-1"]
    assert "the file is empty" in report.failed[0].error
    assert report.folder == tmp_path / "cache/lits"
    scans.write(lits / "volume-1.nii", scans.body())
    scans.write(lits / "segmentation-1.nii", (scans.body() > 0).astype(np.uint8))
    assert not ingest("lits", lits, cache=tmp_path / "cache", workers=1).failed
    (lits / "segmentation-0.nii").unlink()
    scans.write(lits / "segmentation-1.nii", (scans.body() > 100).astype(np.uint8))
    told = Told()
    assert len(ingest("lits", lits, cache=tmp_path / "cache", workers=1, progress=told).done) == 2
    assert told.plan().work == "1 label to read, 1 label to remove"
    last = ingest("lits", str(lits), cache=str(tmp_path / "cache"))
    assert (last.done, last.already_cached, last.tables) == ((), 2, ())
    assert Cache(tmp_path / "cache").dataset("lits").record.recipe.name == "cpu-3d"


def test_images_and_their_settings(tmp_path):
    for n in range(3):
        radiographs.write(tmp_path / f"mine/{n}.png", radiographs.picture(n))
    told = Told()
    report = ingest(
        "folder", tmp_path / "mine", cache=tmp_path / "cache", dataset="chests", recipe=load_recipe("cpu-2d"),
        overrides=["data.shard=2"], codec="zstd", size=48, bits=16, progress=told,
    )  # fmt: skip
    assert told.kinds() == ["note", "planned", "done", "done", "done", "finished"]
    assert told.plan().recipe == "cpu-2d: shorter side 48, 16 bits, zstd"
    assert (report.unit, report.dataset, report.already_cached) == ("images", "chests", 0)
    images = Cache(tmp_path / "cache").image_set("chests")
    assert images.record.recipe.data.shard == 2
    assert len(images.table) == 3
    again = ingest("folder", tmp_path / "mine", cache=tmp_path / "cache", dataset="chests")
    assert (again.done, again.already_cached) == ((), 3)


def test_what_cannot_be_meant_is_refused(lits, tmp_path):
    radiographs.write(tmp_path / "mine/0.png", radiographs.picture(0))
    cache = tmp_path / "cache"
    with pytest.raises(LayoutError, match="no layout 'brain': give one of luna, lits"):
        ingest("brain", lits, cache=cache)
    with pytest.raises(LayoutError, match="cannot be the name of a data set"):
        ingest("lits", lits, cache=cache, dataset="../lits")
    with pytest.raises(RecipeError, match="no 'zip': there are zarr, hdf5"):
        ingest("lits", lits, cache=cache, storage="zip")
    with pytest.raises(RecipeError, match="no 'pet': there are ct, mr"):
        ingest("lits", lits, cache=cache, modality="pet")
    with pytest.raises(RecipeError, match="images are kept as Zarr"):
        ingest("folder", tmp_path / "mine", cache=cache, storage="hdf5")
    with pytest.raises(RecipeError, match="is for volumes, mine holds images"):
        ingest("folder", tmp_path / "mine", cache=cache, recipe="cpu-3d")
    ingest("folder", tmp_path / "mine", cache=cache, dataset="lits")
    with pytest.raises(CacheError, match="holds images, these are volumes"):
        ingest("lits", lits, cache=cache)


def test_a_table_of_ones_own(tmp_path):
    for n in range(3):
        radiographs.write(tmp_path / f"images/{n}.png", radiographs.picture(n))
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "person", "sick"], ["0.png", "a", 1], ["1.png", "b", 0]])
    told = Told()
    report = ingest_table(
        tmp_path / "mine.csv", tmp_path / "images", patient_column="person", cache=tmp_path / "cache",
        overrides=["data.size=32"], progress=told,
    )  # fmt: skip
    assert report.dataset == "mine"
    assert told.kinds() == ["planned", "done", "done", "finished"]
    table = Cache(tmp_path / "cache").image_set("mine").table
    assert (table.label_names, table.labels[:, 0].tolist()) == (("sick",), [1, 0])
    assert table.patients == ["a", "b"]
    (tmp_path / "none.csv").write_text("image,sick\nmissing.png,1\n")
    with pytest.raises(LayoutError, match="no image of it could be read"):
        ingest_table(tmp_path / "none.csv", tmp_path / "images", cache=tmp_path / "cache")
    record = json.loads((tmp_path / "cache/mine/images.json").read_text(encoding="utf-8"))
    (tmp_path / "cache/taken").mkdir()
    (tmp_path / "cache/taken/dataset.json").write_text(json.dumps(record))
    (tmp_path / "taken.csv").write_text("image,sick\n0.png,1\n")
    with pytest.raises(
        CacheError, match="taken holds volumes: give the table's images another name with --dataset"
    ):
        ingest_table(tmp_path / "taken.csv", tmp_path / "images", cache=tmp_path / "cache")


def test_a_table_of_other_images_is_replaced_or_named_by_choice(tmp_path):
    for folder, seed in (("ours", 0), ("theirs", 10)):
        for n in range(2):
            radiographs.write(tmp_path / folder / f"{n}.png", radiographs.picture(seed + n))
    (tmp_path / "mine.csv").write_text("image,sick\n0.png,1\n1.png,0\n")

    def taken(folder, **options):
        options = {"cache": tmp_path / "cache", "overrides": ["data.size=32"]} | options
        report = ingest_table(tmp_path / "mine.csv", tmp_path / folder, **options)
        return report.dataset, Cache(tmp_path / "cache").image_set(report.dataset).table.pixels

    name, pixels = taken("ours")
    with pytest.raises(CacheError, match=r"--dataset NAME.*--replace"):
        taken("theirs")
    with pytest.raises(CacheError, match=r"data.size.*--replace"):
        taken("ours", overrides=["data.size=48"])
    assert taken("theirs", dataset="Theirs")[0] == "Theirs"
    assert taken("ours") == (name, pixels)
    again, others = taken("theirs", replace=True)
    assert again == name
    assert set(others).isdisjoint(pixels)
    with pytest.raises(LayoutError, match="cannot be the name of a data set"):
        taken("ours", dataset="a/b")


def test_both_kinds_of_a_folder_are_two_data_sets_in_one_call(tmp_path):
    dicom.series(tmp_path / "hospital/ct")
    dicom.radiograph(tmp_path / "hospital/dx/1", np.arange(400).reshape(20, 20))
    (tmp_path / "hospital/ct/broken.dcm").write_bytes(b"no DICOM")
    told = Told()
    call = {"cache": tmp_path / "cache", "recipe": "cpu-3d", "workers": 1, "size": 32, "modality": "ct"}
    report = ingest("folder", tmp_path / "hospital", kind="both", progress=told, **call)
    assert (report.dataset, report.unit, len(report.stored)) == ("hospital-volumes", "cases", 1)
    assert (report.also.dataset, report.also.unit, len(report.also.stored)) == (
        "hospital-radiographs",
        "images",
        1,
    )
    # What cannot be read is told once.
    assert [one.name for one in (*report.failed, *report.also.failed)] == ["ct/broken.dcm"]
    opened = Cache(tmp_path / "cache")
    assert opened.names() == ["hospital-radiographs", "hospital-volumes"]
    assert opened.dataset("hospital-volumes").record.recipe.name == "cpu-3d"
    assert opened.image_set("hospital-radiographs").record.recipe.data.size == 32
    again = ingest("folder", tmp_path / "hospital", kind="both", **call)
    assert (again.already_cached, again.also.already_cached) == (1, 1)
    with pytest.raises(LayoutError, match="--kind is for --layout folder"):
        ingest("lits", tmp_path / "hospital", kind="both", cache=tmp_path / "cache")
    named = ingest("folder", tmp_path / "hospital/dx", kind="both", dataset="x", **call)
    assert (named.dataset, named.also) == ("x-radiographs", None)


def test_somebody_has_to_read(lits, tmp_path):
    with pytest.raises(ValueError, match="workers=0: at least one process has to read"):
        ingest("lits", lits, cache=tmp_path / "cache", workers=0)


@pytest.mark.slow
def test_a_script_without_a_guard_ends_with_the_reason(lits, tmp_path):
    """Each process that reads scans runs the script again, and dies of it: no case is to blame."""
    script = tmp_path / "script.py"
    script.write_text(
        f"import pcrl\npcrl.ingest('lits', {str(lits)!r}, cache='cache', recipe='cpu-3d')\nprint('on')\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1].startswith("RuntimeError: no process that reads files could start")
    assert 'below `if __name__ == "__main__":`' in ended.stderr.splitlines()[-1]
