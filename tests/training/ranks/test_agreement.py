"""Several processes train as one: the same weights, the same statistics, and they stop together."""

import subprocess
import sys

import pytest
import torch

from pcrl.training.ranks.exchange import LATER
from pcrl.training.ranks.world import ALONE
from tests.helpers.command import ROOT, environment
from tests.training.ranks import worker
from tests.training.ranks.worker import FEW, SIZES, STEPS

pytestmark = pytest.mark.slow
RANKS = [(size, rank) for size in SIZES for rank in range(size)]
HEADS = [(size, rank) for size, rank in RANKS if size != 3]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """(size, rank) → name of the training → weights, mean losses, step after which it was to stop."""
    folder = tmp_path_factory.mktemp("ranks")
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.ranks.worker", str(rank), str(folder)],
            cwd=ROOT,
            env=environment(),
        )
        for rank in range(max(SIZES))
    ]
    assert [worker.wait(timeout=280) for worker in workers] == [0] * max(SIZES)
    return {key: torch.load(folder / f"{key[0]}-{key[1]}.pt") for key in RANKS}


@pytest.mark.parametrize(("kind", "steps"), [("volumes", STEPS), ("images", FEW)])
def test_with_all_norms_over_ranks_any_number_of_them_is_as_good_as_one(found, kind, steps):
    alone, losses, _ = worker.trained(kind, (), ALONE, steps)
    fresh = max(float(value.abs().max()) for value in alone.values())
    assert fresh > 0.1
    for key in [key for key in RANKS if kind in found[key]]:
        state, theirs, _ = found[key][kind]
        assert state.keys() == alone.keys()
        for entry, value in state.items():
            torch.testing.assert_close(value, alone[entry], atol=1e-8, rtol=0, msg=f"{key} {entry}")
        # Logged in float32.
        torch.testing.assert_close(theirs, losses, atol=1e-5, rtol=0)


def test_with_local_norms_ranks_still_have_the_same_weights_and_statistics(found):
    for size, rank in HEADS:
        first, theirs = found[size, 0]["heads"][0], found[size, rank]["heads"][0]
        assert all(torch.equal(first[name], theirs[name]) for name in first), (size, rank)
    one, other = found[2, 0]["heads"][0], found[4, 0]["heads"][0]
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_all_ranks_stop_at_the_same_step_soon_after_one_of_them_wished_to(found):
    assert {found[key]["heads"][2] for key in HEADS} == {3 + LATER}
    assert all(found[key]["volumes"][2] is None for key in RANKS)
