"""How a segmentation network learns: what it is shown to learn from, and what it is shown without learning."""

import numpy as np
import pytest
import torch

from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.volumes import labelled_cases
from pcrl.evaluation.finetune.fit import Schedule, fit
from pcrl.evaluation.finetune.norms import settle
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.statistics.masks.overlap import Rules
from pcrl.evaluation.tasks.segmentation.inference import SegmentationSetup
from pcrl.evaluation.tasks.segmentation.learner import SegmentationLearner
from pcrl.evaluation.tasks.segmentation.target import Target
from pcrl.evaluation.tasks.task import Conditions
from pcrl.models.volumes.unet import build_unet
from tests.helpers import patients

SETUP = SegmentationSetup(
    Target.of_values({1: "liver"}),
    patients.RECIPE.finetuning.model_copy(update={"samples_per_case": 3}),
    (16, 16, 16),
    Rules(),
)


@pytest.fixture
def learner(lits):
    cohort = labelled_cases(lits, Design()).of[Replicate(0)]
    torch.manual_seed(0)
    model = build_unet(patients.RECIPE.model, SETUP.target.outputs, 1, None)
    conditions = Conditions(Replicate(0), False, False, torch.device("cpu"))
    made = SegmentationLearner(model, cohort.train, cohort.validation, SETUP, conditions)
    yield made
    made.finish()


def test_an_epoch_has_as_many_batches_as_it_says(learner):
    # Three patches of each of four cases, two a batch.
    assert learner.steps == len(list(learner.batches(1))) == 6


def test_what_it_is_shown_without_learning_are_patches_as_they_are_cut_out(learner):
    shown, again = [], []
    forward = learner.module.forward
    for kept in (shown, again):
        learner.module.forward = lambda image, kept=kept: kept.append(image) or forward(image)
        learner.show_training(4)
    assert len(shown) == 4
    assert all(torch.equal(one, other) for one, other in zip(shown, again, strict=True))
    # Turned or scaled patches would hold other values than those of the window's whole Hounsfield units.
    units = torch.cat(shown) * 200
    assert (units - units.round()).abs().max() < 1e-3
    augmented = next(iter(learner.batches(1)))[0] * 200
    assert (augmented - augmented.round()).abs().max() > 0.1


def test_statistics_are_taken_anew_in_the_whole_network_or_behind_a_frozen_encoder(learner):
    names = [name for name in learner.module.state_dict() if name.endswith("running_mean")]
    assert any(name.startswith("encoder.") for name in names)
    for frozen in (None, learner.module.encoder):
        for name in names:
            learner.module.state_dict()[name].fill_(1000)
        settle(learner.module, frozen, learner.show_training, 3)
        for name in names:
            kept = frozen is not None and name.startswith("encoder.")
            assert (learner.module.state_dict()[name].abs().max() < 100) == (not kept), name


def test_the_fewest_steps_of_an_epoch_hold(learner):
    schedule = Schedule(1, 1e-3, 50, 50, fewest_steps=10, norm_batches=2)
    history = fit(learner, schedule, None, lambda *_: None)
    assert history.steps == 12
    assert np.isfinite(history.losses).all()
