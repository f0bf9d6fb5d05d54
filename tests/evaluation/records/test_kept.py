"""What is kept of a training is used only while it is what was kept."""

import numpy as np
import pytest

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.kept import PREDICTIONS, RUN, WEIGHTS, kept_predictions, kept_run, kept_weights
from pcrl.files import save_record, sha256_of
from tests.helpers.example_results import runs
from tests.helpers.mutations import damaged


@pytest.fixture
def folder(tmp_path):
    (tmp_path / WEIGHTS).write_bytes(b"weights" * 100)
    (run,) = runs(0, np.random.default_rng(0), seeds=1)
    save_record(run.model_copy(update={"digest": sha256_of(tmp_path / WEIGHTS)}), tmp_path / RUN)
    np.savez(tmp_path / PREDICTIONS, dice=np.arange(600.0).reshape(100, 6), true=np.zeros(100))
    return tmp_path


def test_weights_are_those_that_the_record_is_of(folder):
    assert kept_weights(folder) == folder / WEIGHTS
    (folder / WEIGHTS).write_bytes(b"weighty" * 100)
    with pytest.raises(ProtocolError, match=r"damaged .its SHA-256 is not that in run.json"):
        kept_weights(folder)
    save_record(kept_run(folder).model_copy(update={"digest": None}), folder / RUN)
    assert kept_weights(folder) == folder / WEIGHTS  # Of an earlier version.
    (folder / WEIGHTS).unlink()
    with pytest.raises(ProtocolError, match="is missing: the network of this training is needed"):
        kept_weights(folder)


def test_predictions_are_whole_or_named(folder):
    content, expected = (folder / PREDICTIONS).read_bytes(), kept_predictions(folder / PREDICTIONS)
    rng, named = np.random.default_rng(0), 0
    for _ in range(200):
        (folder / PREDICTIONS).write_bytes(damaged(content, rng))
        try:
            found = kept_predictions(folder / PREDICTIONS)
        except ProtocolError:
            named += 1
        else:
            assert all(np.array_equal(found[name], expected[name]) for name in found)
    assert named > 150
