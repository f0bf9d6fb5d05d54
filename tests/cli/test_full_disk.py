"""Every command that writes, where nothing can be written: a message, exit 1, and afterwards it goes on."""

import contextlib
import json
import resource

import pytest
from safetensors.numpy import load_file

from tests.helpers import patients, scans
from tests.helpers.command import pcrl

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
    call = ("eval", "lits", "--arms", "scratch", "--epochs", 1, "--out", "scores", *CPU)
    assert pcrl(*call, cwd=folder).returncode == 0
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
    for name, how in ((f"run{size}", more), ("straight", ())):
        if not (workplace / name / "finished.json").exists():
            done = pcrl(*call, name, *how, cwd=workplace)
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


def test_a_mask_is_whole_or_not_there(workplace):
    """ITK's writers end well on a full disk."""
    values, _ = patients.body(50)
    for name in ("a", "b"):
        scans.write(workplace / f"{name}.nii.gz", values, (1.0, 1.0, 2.0))
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
