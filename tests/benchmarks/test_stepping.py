"""The benchmark of the training step counts what it should, and each kind of step trains the same network."""

import subprocess
import sys

import pytest
import torch
from stepping.flops import executed, nominal
from stepping.measure import measure
from stepping.processes import COMPILED, Rows
from stepping.report import compared, with_rates
from stepping.rows import ON_CPU, ON_GPU, Row, Suite, in_turn

from tests.helpers.command import ROOT

pytestmark = pytest.mark.slow

SMALL = ("model.width=4", "views.locals=1")


@pytest.mark.parametrize(("recipe", "published"), [("pcrlv2-3d", 1271), ("pcrlv2-2d", 78)])
def test_operations_are_those_of_the_published_networks(recipe, published):
    assert nominal(recipe) == pytest.approx(published, rel=0.01)


def test_merging_leaves_out_a_third_of_the_operations_of_volumes():
    two_layers, merged = (executed("pcrlv2-3d", Row("", merged=merged)) for merged in (False, True))
    assert two_layers == pytest.approx(1271, rel=0.01)
    assert merged / two_layers == pytest.approx(0.65, abs=0.01)


@pytest.mark.slow
def test_all_ways_to_do_a_step_give_the_same_losses(tmp_path):
    suite = Suite("", "cpu-3d", 2, (), ("", ""))
    rows = [
        Row("plain", own=False, compiled=False, merged=False, last=False),
        Row("own", compiled=False),
        Row("as they are", compiled=False, aligned=False),
        Row("few heads", compiled=False, all_heads=False),
        Row("recompute", compiled=False, recompute=True),
        Row("levels drawn", compiled=False, cycling=True),
    ]
    plain, *others = (measure(suite, row, torch.device("cpu"), tmp_path, 0.0, SMALL) for row in rows)
    for row, found in zip(rows[1:], others, strict=True):
        assert compared(found, plain).startswith("same"), row
    rated = with_rates(suite, rows[1], others[0])
    assert rated["samples_per_second"] == pytest.approx(2e3 / rated["ms"])
    assert compared(others[0] | {"losses": [99.0, 0.0, 0.0]}, plain).startswith("**differ")


def test_rows_have_names_of_their_own_and_references():
    for suites in (ON_CPU, ON_GPU):
        names = [(suite.name, row.name) for suite in suites for row in suite.rows]
        assert len(set(names)) == len(names)
        assert {suite.reference for suite in suites} <= set(names)


def test_the_two_steps_that_are_compared_come_first_then_drawn_levels_then_what_is_not_compiled():
    rows = [(suite.name, row.name) for suite, row in in_turn(ON_GPU)]
    assert rows[:4] == [("3D", "compiled"), ("3D", "pcrl"), ("2D", "compiled"), ("2D", "pcrl")]
    assert rows[4][1] == "pcrl, levels drawn"
    assert not any(row.compiled for _, row in in_turn(ON_GPU)[5:9])
    assert len(rows) == sum(len(suite.rows) for suite in ON_GPU)


def test_rows_share_what_is_compiled_and_are_not_begun_without_the_time_they_take(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    code = "import json, os; print('row: ' + json.dumps({'folder': os.environ['TORCHINDUCTOR_CACHE_DIR']}))"
    rows = Rows([sys.executable, "-c", code], tmp_path, minutes=1, limit=50)
    assert rows.measured(least=10) == {"folder": str(tmp_path / COMPILED)}
    assert rows.measured(least=70) == {"failed": "no time was left"}
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")
    assert Rows([sys.executable, "-c", code], tmp_path, 1, 50).measured(least=10) == {"folder": "elsewhere"}


def test_the_step_needs_only_torch_numpy_and_pydantic():
    """On a bare GPU machine: no Numba, no Zarr, nothing that reads scans."""
    code = (
        "import sys; sys.path[:0] = ['.', 'benchmarks']; import stepping.command\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {
        "numba",
        "llvmlite",
        "zarr",
        "numcodecs",
        "SimpleITK",
        "monai",
        "click",
        "rich",
        "skimage",
        "scipy",
    }
    assert not heavy & set(loaded)
    assert {"torch", "pydantic"} <= set(loaded)
