"""`pcrl bench`: measures, advises, and says what is missing."""

import pytest

from tests.helpers import scans
from tests.helpers.command import pcrl

SMALL = [
    "--set", "views.global_boxes=[[8, 16, 16], [8, 8, 8], [8, 12, 12], [8, 8, 16]]",
    "--set", "training.batch_size=4", "--seconds", "0.3",
]  # fmt: skip


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    for n in range(2):
        scans.write(folder / f"data/lits/volume-{n}.nii", scans.body((60, 72, 75)))
    done = pcrl("ingest", "--dataset", "lits", "--recipe", "cpu-3d", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_says_how_many_threads_suffice(workplace):
    done = pcrl("bench", *SMALL, "--threads", "1", "--step-time", "60", "--cold", cwd=workplace)
    assert done.returncode == 0, done.stderr
    for text in (
        "samples/s",
        "read, ms",
        "decode, ms",
        "corrupt, ms",
        "the GPU waits",
        "these suffice",
        "1 thread keeps this GPU busy",
        "From cold storage",
    ):
        assert text in done.stdout


def test_says_when_the_gpu_would_wait(workplace):
    done = pcrl("bench", *SMALL, "--threads", "1", "--step-time", "0.001", cwd=workplace)
    assert done.returncode == 0, done.stderr
    assert "Not enough" in done.stdout
    assert "of the time" in done.stdout


def test_too_few_cases_for_a_batch_is_one_message(workplace):
    done = pcrl("bench", "--set", "training.batch_size=64", cwd=workplace)
    assert done.returncode == 1
    assert "less than a batch of 64" in done.stderr
