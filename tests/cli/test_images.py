"""The 2D side as a user types it: ingest, look, bench, pre-train, kill, resume."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tests.helpers import radiographs
from tests.helpers.command import begun, pcrl

SMALL = ["data.size=64", "views.global_shape=[64, 64]", "views.local_shape=[32, 32]", "views.locals=2", "model.width=4",
         "training.batch_size=8", "training.epochs=3", "training.picture_every=1"]  # fmt: skip
SET = [argument for one in SMALL for argument in ("--set", one)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    radiographs.chexpert(folder / "data/chexpert/CheXpert-v1.0-small", patients=16, valid=3)
    done = pcrl("ingest", "--dataset", "chexpert", "--recipe", "cpu-2d", *SET, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "38 images to read" in done.stdout
    assert "6 images of 3 patients" in done.stdout
    return folder


def test_again_there_is_nothing_to_do_and_the_recipe_is_that_of_the_cache(workplace):
    done = pcrl("ingest", "--dataset", "chexpert", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert (
        "nothing to read; 38 images are in the cache already. Recipe cpu-2d: shorter side 64" in done.stdout
    )


def test_info_verify_and_preview(workplace):
    shown = pcrl("cache", "info", cwd=workplace)
    assert "shorter side 64, 8 bits, lz4" in shown.stdout
    checked = pcrl("cache", "verify", cwd=workplace)
    assert checked.returncode == 0
    assert "38 images checked, 0 damaged" in checked.stdout
    pictured = pcrl("cache", "preview", "--count", "3", cwd=workplace)
    assert pictured.returncode == 0, pictured.stderr
    picture = np.asarray(Image.open(workplace / "preview.png").convert("L"))
    assert picture.std() > 30


def test_a_flipped_byte_is_found_and_mended(workplace):
    shard = workplace / "cache/chexpert/images.zarr/c/0/0/0"
    content = bytearray(shard.read_bytes())
    content[2000] ^= 1
    shard.write_bytes(content)
    found = pcrl("cache", "verify", cwd=workplace)
    assert found.returncode == 1
    assert "image train/patient00001/study1/view1_frontal is damaged" in found.stdout
    assert pcrl("cache", "verify", "--discard", cwd=workplace).returncode == 0
    assert "38 images to read" in pcrl("ingest", "--dataset", "chexpert", cwd=workplace).stdout
    assert pcrl("cache", "verify", cwd=workplace).returncode == 0


def test_bench(workplace):
    done = pcrl("bench", "--seconds", "0.3", "--threads", "1", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "A sample reads 1 chunk," in done.stdout


def test_options_of_volumes_are_refused(workplace):
    done = pcrl("ingest", "--dataset", "chexpert", "--format", "hdf5", cwd=workplace)
    assert done.returncode == 1
    assert "images are kept as Zarr" in done.stderr
    done = pcrl("ingest", "--dataset", "chexpert", "--recipe", "cpu-3d", cwd=workplace)
    assert "is for volumes, chexpert holds images" in done.stderr
    copied = pcrl("cache", "copy", "cache", "other", "--dataset", "chexpert", cwd=workplace)
    assert copied.returncode == 1
    assert "kept as Zarr only" in copied.stderr


def test_a_cache_of_both_kinds_asks_which(workplace):
    from tests.helpers import scans

    if not (workplace / "data/lits").exists():
        scans.write(workplace / "data/lits/volume-0.nii", scans.body())
    assert pcrl("ingest", "--dataset", "lits", "--cache", "both", cwd=workplace).returncode == 0
    ingested = pcrl(
        "ingest", "--dataset", "chexpert", "--cache", "both", "--recipe", "cpu-2d", *SET, cwd=workplace
    )
    assert ingested.returncode == 0
    asked = pcrl("pretrain", "--cache", "both", cwd=workplace)
    assert asked.returncode == 1
    assert "choose with --dataset (in Python: datasets) or --recipe" in asked.stderr
    wrong = pcrl("pretrain", "--cache", "both", "--dataset", "lits", "--recipe", "cpu-2d", cwd=workplace)
    assert "recipe cpu-2d is for images, and lits holds none" in wrong.stderr


def weights(run):
    return load_file(sorted((run / "checkpoints").iterdir())[-1] / "weights.safetensors")


@pytest.mark.slow
def test_killed_and_resumed_ends_as_an_undisturbed_run(workplace):
    done = pcrl("pretrain", "--out", "runs/whole", cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "images of" in done.stdout
    process = begun("pretrain", "--out", "runs/killed", cwd=workplace, stdout=subprocess.DEVNULL)
    checkpoints = workplace / "runs/killed/checkpoints"
    while not (checkpoints.is_dir() and any(p.name.startswith("epoch-0001") for p in checkpoints.iterdir())):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = pcrl("pretrain", "--out", "runs/killed", "--resume", cwd=workplace)
    assert resumed.returncode == 0, resumed.stderr
    whole, killed = (weights(workplace / f"runs/{name}") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    assert all(np.array_equal(whole[name], killed[name]) for name in whole)
    lines = [
        json.loads(line)
        for line in (workplace / "runs/whole/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert lines[-1]["restoration"] < lines[0]["restoration"]
    assert lines[-1]["psnr"] > 5
    record = json.loads((workplace / "runs/whole/run.json").read_text(encoding="utf-8"))
    assert len(record["cases"]) >= 20
    assert not any(case.startswith("chexpert/valid") for case in record["cases"])
    assert any((workplace / "runs/whole/pictures").iterdir())
