"""`pcrl ingest` as a user types it."""

import numpy as np
import pytest

from pcrl.config import builtin_recipes
from tests.helpers import dicom, scans
from tests.helpers.command import pcrl, refused

pytestmark = pytest.mark.slow


@pytest.fixture
def workplace(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"data/lits/volume-{n}.nii", scans.body())
        scans.write(tmp_path / f"data/lits/segmentation-{n}.nii", (scans.body() > 0).astype(np.uint8))
    return tmp_path


def test_defaults_then_nothing_to_do(workplace):
    first = pcrl("ingest", "--dataset", "lits", cwd=workplace)
    assert first.returncode == 0, first.stderr
    assert "2 patients" in first.stdout
    assert "pcrl pretrain --cache cache" in first.stdout
    second = pcrl("ingest", "--dataset", "lits", cwd=workplace)
    assert second.returncode == 0
    assert "nothing to do" in second.stdout


def test_failure_is_named_and_counts(workplace):
    (workplace / "data/lits/volume-1.nii").write_bytes(b"")
    done = pcrl("ingest", "--dataset", "lits", "--workers", "1", cwd=workplace)
    assert done.returncode == 1
    assert "volume-1.nii: the file is empty" in done.stdout


def test_a_mixed_tree_is_taken_by_choice_and_what_cannot_be_read_counts(tmp_path):
    dicom.series(tmp_path / "hospital/ct")
    dicom.radiograph(tmp_path / "hospital/dx/1", np.arange(400).reshape(20, 20))
    (tmp_path / "hospital/ct/broken.dcm").write_bytes(b"no DICOM")
    call = ("ingest", "--layout", "folder", "--source", "hospital", "--workers", "1")
    said = refused(tmp_path, *call)
    assert "--kind volumes or --kind radiographs, or both with --kind both" in said
    done = pcrl(*call, "--kind", "volumes", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 radiograph passed over" in done.stdout
    assert "broken.dcm: does not begin as a DICOM file does" in " ".join(done.stdout.split())
    assert pcrl(*call, "--kind", "radiographs", "--dataset", "dx", cwd=tmp_path).returncode == 1
    (tmp_path / "hospital/ct/broken.dcm").unlink()
    done = pcrl(*call, "--kind", "volumes", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = pcrl(*call, "--kind", "both", "--dataset", "all", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all-volumes in cache" in done.stdout
    assert "all-radiographs in cache" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--dataset", "brain"], "there is no layout 'brain'"),
        ([], "give --layout"),
        (["--layout", "brain", "--dataset", "mine"], "no layout 'brain': give one of luna, lits"),
        (["--layout", "lits", "--dataset", "my/lits"], "'my/lits' cannot be the name of a data set"),
        (["--dataset", "luna"], "does not exist"),
        (["--dataset", "lits", "--recipe", "x"], "no recipe 'x'"),
        (["--dataset", "lits", "--set", "data.spacing=0"], "data.spacing"),
        (["--dataset", "folder", "--source", "data/lits", "--modality", "pet"], "'pet' is not one of"),
    ],
)
def test_wrong_call_is_one_message(workplace, arguments, named):
    done = pcrl("ingest", *arguments, cwd=workplace)
    assert done.returncode != 0
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_help_has_an_example(tmp_path):
    done = pcrl("ingest", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "pcrl ingest --dataset lits" in done.stdout
    for command in ("ingest", "pretrain", "bench"):
        said = pcrl(command, "--help", cwd=tmp_path).stdout
        assert all(name in said for name in builtin_recipes())


def test_tables_and_patients_are_brought_up_to_date_without_a_scan(tmp_path):
    for n in range(2):
        scans.write(tmp_path / f"data/luna/subset{n}/1.2.{n}.mhd", scans.body())
    table = tmp_path / "data/luna/annotations.csv"
    table.write_text("one")
    first = pcrl("ingest", "--dataset", "luna", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "Tables to copy: annotations.csv." in first.stdout
    assert "nothing to do" in pcrl("ingest", "--dataset", "luna", cwd=tmp_path).stdout
    table.write_text("two")
    (tmp_path / "data/luna/patients.csv").write_text("case,patient\n1.2.0,anna\n1.2.1,anna\n")
    again = pcrl("ingest", "--dataset", "luna", cwd=tmp_path)
    assert "already; copied annotations.csv." in again.stdout
    assert (tmp_path / "cache/luna/tables/annotations.csv").read_text(encoding="utf-8") == "two"
    shown = pcrl("cache", "info", cwd=tmp_path).stdout
    assert "1 patient " in shown
    assert "annotations.csv" in shown


def test_a_layout_and_a_name_of_ones_own(workplace):
    named = ("ingest", "--layout", "lits", "--source", "data/lits", "--dataset", "mystudy", "--workers", "1")
    done = pcrl(*named, cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "mystudy: 2 scans to read; 0 cases are in the cache already." in done.stdout
    assert (workplace / "cache/mystudy/dataset.json").is_file()
    assert not (workplace / "cache/lits").exists()
    assert "mystudy: all 2 cases are in cache already; nothing to do." in pcrl(*named, cwd=workplace).stdout


def test_an_interruption_is_told_and_counts(workplace, monkeypatch):
    from click.testing import CliRunner
    from pcrl_cli.main import main

    from pcrl.engine.volumes.ingest import run as volume_run
    from pcrl.engine.volumes.ingest.plan import CaseResult

    def interrupted(plan, workers, limits):
        yield CaseResult(plan.todo[0])
        raise KeyboardInterrupt

    monkeypatch.chdir(workplace)
    monkeypatch.setattr(volume_run, "run", interrupted)
    done = CliRunner().invoke(main, ["ingest", "--dataset", "lits"])
    assert done.exit_code == 130
