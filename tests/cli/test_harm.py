"""Commands where nothing can be written, or records are damaged: a message, exit 1, and afterwards they go on."""

import contextlib
import json
import os
import resource
import shutil

import click
import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.helpers import patients, scans
from tests.helpers.command import pcrl
from tests.helpers.mutations import damaged

pytestmark = pytest.mark.slow

SETTINGS = [word for setting in patients.TINY for word in ("--set", setting)]
CPU = ("--device", "cpu")


@contextlib.contextmanager
def files_of(size):
    """No file can be longer, as on a disk that is full in its middle: what libraries in C write ends there, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    patients.write_lits(folder / "data/lits")
    assert pcrl("ingest", "--dataset", "lits", "--workers", 1, *SETTINGS, cwd=folder).returncode == 0
    assert pcrl("pretrain", "--cache", "cache", "--out", "straight", *CPU, cwd=folder).returncode == 0
    shutil.copytree(folder / "straight", folder / "begun")
    (folder / "begun/finished.json").unlink()
    call = ("eval", "lits", "--arms", "scratch", "--epochs", 1, "--out", "scores", *CPU)
    assert pcrl(*call, cwd=folder).returncode == 0
    curve = (
        "curve",
        "lits",
        "--arms",
        "scratch",
        "--epochs",
        1,
        "--fractions",
        "0.5,1",
        "--out",
        "curve",
        *CPU,
    )
    assert pcrl(*curve, cwd=folder).returncode == 0
    scans.write(folder / "a.nii.gz", patients.body(50)[0], (1.0, 1.0, 2.0))
    return folder


def stopped(folder, size, *call):
    """What a command says for which there is no room."""
    with files_of(size):
        done = pcrl(*call, cwd=folder)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "larger than files may be here" in done.stderr, done.stderr
    return done.stderr


def leftovers(folder):
    return [path for path in folder.rglob("*") if "partial" in path.name or path.name.endswith(".old")]


@pytest.mark.parametrize("size", [0, 300, 5000])
def test_a_run_goes_on_once_there_is_room(workplace, size):
    call = ("pretrain", "--cache", "cache", *CPU, "--out")
    stopped(workplace, size, *call, f"run{size}")
    assert not leftovers(workplace)
    more = ("--resume",) if (workplace / f"run{size}/run.json").exists() else ()
    done = pcrl(*call, f"run{size}", *more, cwd=workplace)
    assert done.returncode == 0, done.stderr
    one, two = (
        load_file(next(workplace.glob(f"{name}/checkpoints/epoch-0001*/weights.safetensors")))
        for name in (f"run{size}", "straight")
    )
    assert all((one[name] == two[name]).all() for name in two)


@pytest.mark.parametrize("size", [300, 5000, 20_000])
def test_an_evaluation_goes_on_once_there_is_room(workplace, size):
    out = f"scores{size}"
    call = ("eval", "lits", "--arms", "scratch", "--epochs", 1, "--out", out, *CPU)
    stopped(workplace, size, *call)
    assert not leftovers(workplace)
    more = ("--resume",) if (workplace / out / "evaluation.json").exists() else ()
    done = pcrl(*(("eval", "lits", "--out", out, *CPU, *more) if more else call), cwd=workplace)
    assert done.returncode == 0, done.stderr
    rows = [
        json.loads((workplace / each / "results.json").read_text())["arms"][0]["rows"]
        for each in (out, "scores")
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("storage", ["zarr", "hdf5"])
def test_an_ingest_stops_at_the_first_case_and_goes_on_once_there_is_room(workplace, storage):
    source = ("--dataset", "lits", "--source", "data/lits", "--format", storage, "--workers", 1, *SETTINGS)
    call = ("ingest", *source, "--cache", f"full-{storage}")
    stopped(workplace, 3000, *call)
    assert not list((workplace / f"full-{storage}/lits/cases").iterdir())
    assert pcrl(*call, cwd=workplace).returncode == 0
    assert pcrl("cache", "verify", f"full-{storage}", cwd=workplace).returncode == 0


def test_a_mask_is_whole_or_not_there(workplace):
    """ITK's writers end well on a full disk."""
    shutil.copy(workplace / "a.nii.gz", workplace / "b.nii.gz")
    call = ("predict", "lits", "--run", "scores", *CPU, "a.nii.gz", "b.nii.gz", "--out")
    said = stopped(workplace, 100, *call, "masks")
    assert "a.nii.gz: larger than" in said
    assert not list((workplace / "masks").glob("*"))
    assert pcrl(*call, "later", cwd=workplace).returncode == 0
    assert len(list((workplace / "later").iterdir())) == 2


def test_a_copy_of_a_cache_is_complete_once_there_is_room(workplace):
    call = ("cache", "copy", "cache", "copied")
    stopped(workplace, 2000, *call)
    assert pcrl(*call, cwd=workplace).returncode == 0
    assert pcrl("cache", "verify", "copied", cwd=workplace).returncode == 0
    assert not leftovers(workplace)


GO_ON = ("pretrain", "--resume", "--out", "begun", "--cache", "cache")
START = ("eval", "lits", "--checkpoint", "begun", "--out", "X")
PREDICT = ("predict", "lits", "--run", "scores", "a.nii.gz", "--out", "X")
LAST = "begun/checkpoints/epoch-0001-step-000000"
READ_BY = {
    "begun/run.json": (GO_ON, START),
    "begun/seen.npz": (START,),
    f"{LAST}/position.json": (GO_ON,),
    f"{LAST}/weights.json": (GO_ON, START),
    f"{LAST}/weights.safetensors": (START,),
    f"{LAST}/files.json": (START,),
    "scores/evaluation.json": (PREDICT, ("eval", "lits", "--resume", "--out", "scores")),
    "scores/results.json": (("eval", "lits", "--run", "scores", "--test-on", "other"),),
    "scores/runs/scratch-seed0/run.json": (PREDICT,),
    "scores/runs/scratch-seed0/weights.safetensors": (PREDICT,),
    "curve/curve.json": (("curve", "lits", "--resume", "--out", "curve"),),
}


@pytest.mark.parametrize("path", READ_BY)
def test_a_damaged_record_is_named_or_read_as_what_it_says(workplace, path, monkeypatch):
    """Seeded damage, with digests and without, as a stranger could make it; PCRL_FUZZ: how often, 10 times else."""

    def reached(*_, **__):
        raise click.exceptions.Exit(0)

    # What is trained is another matter, and would take hours where a number became another one.
    for stage in ("pcrl.training.trainer.Trainer.run", "pcrl.evaluation.run.study.Study.carry_out"):
        monkeypatch.setattr(stage, reached)
    rng, file = np.random.default_rng(len(path)), workplace / path
    content, digests = file.read_bytes(), file.parent / "files.json"
    for _ in range(int(os.environ.get("PCRL_FUZZ", "10"))):
        call = READ_BY[path][int(rng.integers(0, len(READ_BY[path])))]
        with contextlib.ExitStack() as after:
            after.callback(file.write_bytes, content)
            after.callback(shutil.rmtree, workplace / "X", ignore_errors=True)
            if digests.exists() and digests != file and rng.random() < 0.7:
                after.callback(digests.write_bytes, digests.read_bytes())
                digests.unlink()
            changed = damaged(content, rng, path.endswith(".json"))
            file.write_bytes(changed)
            done = pcrl(*call, *CPU, cwd=workplace)
        assert "Traceback" not in done.stderr, f"{call} of {changed[:2000]!r}: {done.stderr}"
        assert done.returncode in (0, 1)
