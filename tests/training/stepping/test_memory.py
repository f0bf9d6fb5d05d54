"""What fits on a device, and what is said when it does not."""

import pytest
import torch

from pcrl.config import load_recipe
from pcrl.training.stepping import memory
from pcrl.training.stepping.memory import largest, too_large, try_batch
from tests.helpers import scans

CPU = torch.device("cpu")
SETTINGS = [*scans.VIEWS, "model.width=4"]


@pytest.mark.parametrize("fitting", [0, 2, 4, 6, 14, 30, 31])
@pytest.mark.parametrize("below", [4, 31, 32])
def test_the_largest_even_number_that_fits_is_found_with_few_trials(fitting, below):
    tried = []

    def fits(count):
        tried.append(count)
        return count <= fitting

    assert largest(fits, below) == max((n for n in range(2, below, 2) if n <= fitting), default=0)
    assert len(tried) <= 5
    assert all(0 < n < below for n in tried)


def test_what_fits_is_said_with_the_settings_to_change():
    recipe = load_recipe("pcrlv2-3d", ["training.batch_size=32"])
    said = too_large(recipe, CPU, lambda count: count <= 6, 2)
    assert "too little memory for 16 samples at a time; 6 fit" in said
    assert "training.batch_size=12" in said
    assert "training.accumulate=4" in said
    assert "training.recompute=true" in said
    said = too_large(recipe, CPU, lambda count: False)
    assert "even for 2" in said


@pytest.mark.parametrize(
    ("name", "shapes"), [("pcrlv2-2d", ("[32, 32]", "[32, 32]")), ("pcrlv2-3d", ("[8, 16, 16]", "[8, 8, 8]"))]
)
def test_a_step_is_timed_with_either_network(name, shapes):
    small = ["model.width=4", f"views.global_shape={shapes[0]}", f"views.local_shape={shapes[1]}"]
    trial = try_batch(load_recipe(name, small), CPU, 3)
    assert trial.batch == 3
    assert trial.seconds > 0


def test_too_little_memory_is_no_error_where_a_batch_is_tried(monkeypatch):
    recipe = load_recipe("pcrlv2-3d", SETTINGS)
    assert try_batch(recipe, CPU, 2) is not None

    def none_left(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(memory.Stepper, "step", none_left)
    assert try_batch(recipe, CPU, 3) is None
