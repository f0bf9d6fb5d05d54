"""Learning rates by hand, and optimisers as the recipe asks for them."""

import pytest
import torch

from pcrl.config import RecipeError, load_recipe
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.optimizers.schedule import learning_rate


def training(*overrides):
    return load_recipe("pcrlv2-3d", [f"training.{one}" for one in overrides]).training


def test_a_cosine_per_epoch_as_published():
    published = training("epochs=3")
    assert learning_rate(published, 0) == published.learning_rate
    assert learning_rate(published, 1) == pytest.approx(published.learning_rate * 0.75)
    assert learning_rate(published, 1, 5, 10) == learning_rate(published, 1)


def test_a_warm_up_rises_step_by_step_and_the_schedule_begins_after_it():
    warm = training("epochs=6", "warmup_epochs=2", "learning_rate=1")
    steps = [learning_rate(warm, epoch, step, 4) for epoch in range(2) for step in range(4)]
    assert steps == pytest.approx([n / 8 for n in range(1, 9)])
    assert [learning_rate(warm, epoch) for epoch in (2, 4)] == pytest.approx([1, 0.5])


def test_a_constant_rate():
    assert [learning_rate(training("schedule=constant", "epochs=9"), e) for e in (0, 8)] == [1e-3, 1e-3]


def test_optimizers_have_the_settings_of_the_recipe():
    weights = [torch.nn.Parameter(torch.ones(3))]
    sgd = build_optimizer(weights, training("momentum=0.5"))
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.param_groups[0] | {} == sgd.param_groups[0] | {
        "lr": 1e-3,
        "momentum": 0.5,
        "weight_decay": 1e-4,
    }
    adam = build_optimizer(weights, training("optimizer=adamw", "betas=[0.8, 0.95]", "weight_decay=0.05"))
    assert isinstance(adam, torch.optim.AdamW)
    assert adam.param_groups[0] | {} == adam.param_groups[0] | {"betas": (0.8, 0.95), "weight_decay": 0.05}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("optimizer=lamb", r"training\.optimizer must be 'sgd' or 'adamw', not 'lamb'"),
        ("schedule=step", r"training\.schedule"),
        ("warmup_epochs=240", "must be below epochs = 240"),
        ("clip_norm=0", r"training\.clip_norm"),
    ],
)
def test_what_there_is_not_is_refused(change, said):
    with pytest.raises(RecipeError, match=said):
        training(change)
