"""`pcrl predict`: masks lie where the scan lies, whatever its axes; probabilities are those of the evaluation."""

import csv
import os
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from pcrl.engine.volumes.reading import reader
from tests.helpers import brains, dicom, patients, radiographs, scans
from tests.helpers.command import pcrl, refused
from tests.helpers.foreign import bad_files

pytestmark = pytest.mark.slow

SETTINGS = [word for setting in patients.TINY for word in ("--set", setting)]
CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """An evaluation of LiTS and one of BraTS, from scratch."""
    folder = tmp_path_factory.mktemp("predict")
    patients.write_lits(folder / "data/lits")
    brains.write_brats(folder / "data/brats", 8)
    for task, more in (("lits", ()), ("brats", ("--folds", "0", "--set", "finetuning.epochs=8"))):
        done = pcrl("ingest", "--dataset", task, "--workers", 1, *SETTINGS, cwd=folder)
        assert done.returncode == 0, done.stderr
        done = pcrl("eval", task, "--arms", "scratch", *more, "--out", f"{task}-scores", *CPU, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "ASR"])
def test_masks_are_in_the_grid_and_the_axes_of_the_scan(workplace, orientation):
    values, block = patients.body(3)
    direction = scans.rotation(4, 0, 8)
    image, truth = (
        sitk.DICOMOrient(
            scans.write(
                workplace / f"one/{name}.nii.gz", array, (1.1, 0.9, 2.0), direction, (-20.0, 30.0, 7.0)
            ),
            orientation,
        )
        for name, array in (("scan", values), ("truth", block.astype(np.uint8)))
    )
    scan = workplace / f"scan-{orientation}.nii.gz"
    sitk.WriteImage(image, str(scan))
    done = pcrl(
        "predict", "lits", "--run", "lits-scores", scan, "--out", f"masks-{orientation}", *CPU, cwd=workplace
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "liver" in done.stdout
    written, source = (
        sitk.ReadImage(str(workplace / f"masks-{orientation}/{scan.name}")),
        sitk.ReadImage(str(scan)),
    )
    assert written.GetSize() == source.GetSize()
    for read in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(written, read)(), getattr(source, read)(), atol=1e-5)
    assert dice(sitk.GetArrayFromImage(written) > 0, sitk.GetArrayFromImage(truth) > 0) > 0.7


def test_regions_of_brats_come_back_as_its_labels(workplace):
    source = workplace / "data/brats/HGG"
    done = pcrl("predict", "brats", "--run", "brats-scores", source, "--out", "brains", *CPU, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    found = sorted((workplace / "brains").glob("*.nii.gz"))
    assert len(found) == 8
    whole = []
    for path in found:
        predicted = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        name = path.name.removesuffix(".nii.gz")
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(source / name / f"{name}_seg.nii.gz")))
        assert set(np.unique(predicted)) <= {0, 1, 2, 4}
        whole.append(dice(predicted > 0, truth > 0))
    assert np.mean(whole) > 0.6


def test_what_cannot_be_read_is_named_and_the_rest_is_done(workplace):
    scans.write(workplace / "some/good.nii.gz", patients.body(4)[0])
    scans.write(workplace / "some/flat.nii.gz", np.zeros((8, 8, 8), np.int16))
    (workplace / "some/broken.nii.gz").write_bytes(b"no scan")
    call = ("predict", "lits", "--run", "lits-scores/runs/scratch-seed0", "some", "--out", "rest", *CPU)
    done = pcrl(*call, cwd=workplace)
    assert done.returncode == 1
    assert "2 of the inputs could not be predicted" in done.stderr
    assert "flat.nii.gz: every voxel is 0" in done.stdout
    assert "broken.nii.gz" in done.stdout
    assert [path.name for path in (workplace / "rest").iterdir()] == ["good.nii.gz"]


def test_an_input_that_crashes_or_hangs_its_reader_stops_no_other(workplace, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(bad_files.CRASH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in ("a-segfault", "b-exits", "c-hangs", "d-good"):
        scans.write(workplace / f"fatal/{name}.nii.gz", scans.body())
    os.mkfifo(workplace / "fatal/e-pipe.nii.gz")
    call = ("predict", "lits", "--run", "lits-scores", "fatal", "--out", "survived", "--deadline", 5, *CPU)
    done = pcrl(*call, cwd=workplace)
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert "4 of the inputs could not be predicted" in said
    for words in (
        "a-segfault.nii.gz: the process that read it crashed (SIGSEGV)",
        "b-exits.nii.gz: the process that read it ended by itself, with status 3",
        "c-hangs.nii.gz: not read after 5 s",
        "e-pipe.nii.gz: is a named pipe (FIFO)",
    ):
        assert words in said
    assert [path.name for path in (workplace / "survived").iterdir()] == ["d-good.nii.gz"]


def test_a_tilted_series_is_predicted_on_a_straight_grid(workplace):
    tilted = (1, 0, 0, 0, np.cos(0.3), np.sin(0.3))
    dicom.series(workplace / "tilted/ct", patients.body(4)[0], orientation=tilted)
    call = ("predict", "lits", "--run", "lits-scores/runs/scratch-seed0", "tilted", "--out", "straight", *CPU)
    done = pcrl(*call, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gantry tilt" in " ".join(done.stdout.split())
    mask, scan = reader.read(workplace / "straight/ct.nii.gz"), reader.read(workplace / "tilted/ct")
    assert mask.grid.matches(scan.grid)


def test_no_scan_is_overwritten(workplace):
    scans.write(workplace / "mine/scan.nii.gz", patients.body(3)[0])
    before = (workplace / "mine/scan.nii.gz").read_bytes()
    call = ("predict", "lits", "--run", "lits-scores", "mine", *CPU)
    assert "mine is not empty: give another --out" in refused(workplace, *call, "--out", "mine")
    assert (workplace / "mine/scan.nii.gz").read_bytes() == before
    file = "mine/scan.nii.gz"
    assert f"{file} is a file: give a folder as --out" in refused(workplace, *call, "--out", file)
    assert (workplace / file).read_bytes() == before


def test_a_mask_lies_where_the_sform_puts_its_scan(workplace):
    scan, rows = workplace / "aligned.nii", scans.SFORM.copy()
    scans.write(scan, patients.body(4)[0])
    rows[11] += 30
    scans.edit_header(scan, sform=rows, codes=(1, 2))
    done = pcrl("predict", "lits", "--run", "lits-scores", scan, "--out", "aligned", *CPU, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "aligned: its sform (aligned) and its qform (scanner)" in done.stdout
    assert sitk.ReadImage(str(workplace / "aligned/aligned.nii.gz")).GetOrigin() == (0, 0, 30)


def test_names_that_are_no_text_are_predicted_and_told(workplace):
    folder = workplace / os.fsdecode(b"kl\x81nik")
    scans.write(workplace / "plain.nii", patients.body(4)[0])
    folder.mkdir()
    for name in (b"M\x81ller.nii", b"[red]x[bold].nii", b"a\nb.nii", b"a" * 240 + b".nii"):
        shutil.copy(workplace / "plain.nii", folder / os.fsdecode(name))
    (folder / os.fsdecode(b"empty\x82.nii")).touch()
    out = workplace / os.fsdecode(b"out\x81")
    done = pcrl(
        "predict", "lits", "--run", "lits-scores", *folder.iterdir(), "--out", out, *CPU, cwd=workplace
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of the inputs could not be predicted" in done.stderr
    assert r"empty\x82.nii: the file is empty" in done.stdout
    names = sorted(path.name for path in out.iterdir())
    assert names[:2] == ["M-ller.nii.gz", "a-b.nii.gz"]
    assert (len(names), names[3]) == (4, "red-x-bold.nii.gz")


def test_what_was_passed_over_is_told(workplace):
    brains.write_brats(workplace / "two", 2)
    min((workplace / "two").rglob("*_t2.nii.gz")).unlink()
    done = pcrl("predict", "brats", "--run", "brats-scores", "two", "--out", "one-brain", *CPU, cwd=workplace)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "failed" in done.stdout
    assert "has no t2" in done.stdout
    assert len(list((workplace / "one-brain").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("lits", "--run", "lits-scores", "gone.nii"), "gone.nii: no such file"),
        (("brats", "--run", "lits-scores", "data/brats"), "is of lits, not of brats"),
        (("lits", "--run", "data", "one/scan.nii.gz"), "data is not an evaluation"),
        (("lits", "--run", "lits-scores", "--candidates", "a.csv", "one"), "lits has no --candidates"),
    ],
)
def test_wrong_calls_are_one_message(workplace, arguments, named):
    scans.write(workplace / "one/scan.nii.gz", patients.body(3)[0])
    assert named in refused(workplace, "predict", *arguments, "--out", "nothing", *CPU)
    assert not (workplace / "nothing").exists()


def test_probabilities_of_radiographs_are_those_of_the_evaluation(tmp_path):
    radiographs.chexpert(tmp_path / "data/chexpert", patients=30, valid=12)
    small = ["--set", "model.width=8", "--set", "finetuning.shape=[32, 32]", "--set", "finetuning.epochs=1"]
    done = pcrl("ingest", "--dataset", "chexpert", "--recipe", "cpu-2d", "--size", 64, *small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = pcrl("eval", "chexpert", "--arms", "scratch", "--out", "scores", *CPU, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = pcrl(
        "predict", "chexpert", "--run", "scores", "data/chexpert/valid", "--out", "said", *CPU, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "scores/probabilities.csv").open(newline="") as file:
        evaluated = {row["name"]: row for row in csv.DictReader(file)}
    with (tmp_path / "said/probabilities.csv").open(newline="") as file:
        predicted = {row["image"]: row for row in csv.DictReader(file)}
    assert len(evaluated) == 12
    for name, row in evaluated.items():
        (image,) = (other for path, other in predicted.items() if name in path)
        for label, value in row.items():
            if label.startswith("score "):
                assert float(image[label.removeprefix("score ")]) == pytest.approx(float(value), abs=1e-4)
