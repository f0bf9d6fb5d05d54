"""Fine-tuning learns, chooses by validation, and repeats."""

import numpy as np
import patients
import pytest
import torch

from pcrl.evaluation.finetune import _mean_dice, finetune
from pcrl.evaluation.volumes import load
from pcrl.models.unet3d import build_unet

CPU = torch.device("cpu")
WINDOW = patients.RECIPE.finetuning.window


def tuned(lits, settings, validation=True):
    volumes = {
        split: [load(c, WINDOW, ((1,),)) for c in lits.cases if c.split == split]
        for split in ("train", "val")
    }
    torch.manual_seed(0)
    model = build_unet(patients.RECIPE.model, 2, 1, None)
    history = finetune(
        model, volumes["train"], volumes["val"] if validation else [], settings, 0, CPU, lambda *_: None
    )
    return model, history


def test_it_learns_and_keeps_what_validation_likes_best(lits):
    settings = patients.RECIPE.finetuning
    model, history = tuned(lits, settings)
    assert history.losses[-1] < 0.7 * history.losses[0]
    scores = dict(history.validations)
    assert set(scores) == {3, 6, 9, 12, 15}
    assert scores[history.chosen_epoch] == max(scores.values()) > 0.7
    # Asked again, the kept model gives that score.
    volumes = [load(case, WINDOW, ((1,),)) for case in lits.cases if case.split == "val"]
    again = _mean_dice(model, volumes, settings.patch, settings.overlap, CPU)
    assert again == pytest.approx(scores[history.chosen_epoch])


def test_the_same_seed_gives_the_same_weights(lits):
    settings = patients.RECIPE.finetuning.model_copy(update={"epochs": 1})
    first, second = (tuned(lits, settings, validation=False)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_without_validation_the_last_epoch_is_kept(lits):
    settings = patients.RECIPE.finetuning.model_copy(update={"epochs": 2})
    history = tuned(lits, settings, validation=False)[1]
    assert (history.validations, history.chosen_epoch) == ((), 2)


def test_a_loss_that_explodes_stops_it(lits):
    settings = patients.RECIPE.finetuning.model_copy(update={"epochs": 3, "learning_rate": np.inf})
    with pytest.raises(FloatingPointError, match=r"lower finetuning\.learning_rate"):
        tuned(lits, settings)
