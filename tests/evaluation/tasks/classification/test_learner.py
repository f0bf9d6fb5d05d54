"""Fine-tuning and linear probe on a toy: whether there is a bright square."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pcrl.config import ImageModel
from pcrl.evaluation.finetune import fit as loop
from pcrl.evaluation.finetune.early_stopping import EarlyStopping
from pcrl.evaluation.finetune.fit import Schedule, fit
from pcrl.evaluation.statistics.roc import auroc
from pcrl.evaluation.tasks.classification.learner import (
    ImageLearner,
    features,
    logits_of,
)
from pcrl.evaluation.tasks.classification.probe import ProbeLearner
from pcrl.evaluation.tasks.supervision import Supervision, masked_loss
from pcrl.models.classifier import build_classifier

CPU = torch.device("cpu")
SCHEDULE = Schedule(epochs=8, learning_rate=1e-3, halve_every=50, patience=8)
PROBE = Schedule(epochs=60, learning_rate=3e-3, halve_every=50, patience=60, frozen=True)
TRAIN, VALIDATION, TEST = np.arange(96), np.arange(96, 128), np.arange(128, 192)


class Squares:
    """Images in memory; label 0 says whether there is a bright square, label 1 nothing."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.pixels = rng.uniform(0.2, 0.5, (192, 1, 32, 32)).astype(np.float32)
        self.labels = rng.integers(0, 2, (192, 2)).astype(np.float32)
        for n in np.flatnonzero(self.labels[:, 0]):
            y, x = rng.integers(0, 20, 2)
            self.pixels[n, 0, y : y + 12, x : x + 12] += 0.4

    def augmented(self, rows, seed, epoch):
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        for start in range(0, len(order), 16):
            yield order[start : start + 16], self.pixels[order[start : start + 16]]

    def plain(self, rows):
        for start in range(0, len(rows), 16):
            yield rows[start : start + 16], self.pixels[rows[start : start + 16]]


SQUARES = Squares()


def model():
    torch.manual_seed(0)
    return build_classifier(ImageModel(width=8), 2, None)


def quiet(*_):
    pass


def tuned(net, supervision, seed):
    return ImageLearner(net, SQUARES, supervision, seed, CPU)


def probed(net, supervision, seed):
    return ProbeLearner(net, SQUARES, supervision, 16, seed, CPU)


def train(
    how=tuned, targets=SQUARES.labels, schedule=SCHEDULE, validation=VALIDATION, show=quiet, seed=0, keep=None
):
    """The network, how its training went, and the AUROC of its answers."""
    net = model()
    learner = how(net, Supervision(TRAIN, validation, targets, [0]), seed)
    history = fit(learner, schedule, keep, show)
    learner.finish()
    return net, history, auroc(logits_of(net, SQUARES, TEST, CPU)[:, 0], SQUARES.labels[TEST, 0] > 0.5)


def test_what_can_be_learnt_is_learnt_and_the_same_way_twice():
    seen = []
    first, history, area = train(show=lambda *line: seen.append(line))
    assert area > 0.95
    assert len(seen) == len(history.losses) == len(history.validations)
    assert history.validations[history.chosen_epoch - 1][1] == max(score for _, score in history.validations)
    again, same, _ = train()
    assert same == history
    torch.testing.assert_close(first.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_shuffled_labels_teach_nothing():
    mixed = SQUARES.labels.copy()
    for rows in (TRAIN, VALIDATION):
        mixed[rows] = SQUARES.labels[np.random.default_rng(1).permutation(rows)]
    areas = [train(targets=mixed, seed=seed)[2] for seed in range(3)]
    assert abs(np.mean(areas) - 0.5) < 0.2


def supervision_of(truth, scored):
    """Of validation images alone."""
    truth = np.asarray(truth, np.float32)
    return Supervision(np.empty(0, np.int64), np.arange(len(truth)), truth, scored)


def test_the_best_epoch_is_kept_and_training_ends_when_none_is_better():
    layer = nn.Linear(1, 1)
    supervision, stopping = supervision_of([[0], [1], [1]], [0]), EarlyStopping(layer, patience=2)
    right, wrong = np.array([[-1.0], [1.0], [2.0]]), np.array([[1.0], [-1.0], [2.0]])
    went_on = []
    for epoch, logits in enumerate((wrong, right, right, wrong), 1):
        with torch.no_grad():
            layer.weight.fill_(epoch)
        went_on.append(stopping.should_continue(epoch, supervision.score(logits)))
    assert went_on == [True, True, True, False]
    stopping.restore()
    assert (layer.weight.item(), stopping.chosen_epoch) == (2, 2)
    assert [score[0] for _, score in stopping.history] == [0.5, 1.0, 1.0, 0.5]


def test_of_two_epochs_with_the_same_auroc_the_one_with_the_lower_loss_is_kept():
    supervision, stopping = supervision_of([[0], [1]], [0]), EarlyStopping(nn.Linear(1, 1), patience=5)
    assert supervision.criterion == "mean AUROC"
    for epoch, size in enumerate((1.0, 3.0, 2.0), 1):
        stopping.should_continue(epoch, supervision.score(np.array([[-size], [size]])))
    assert stopping.chosen_epoch == 2


def test_loss_chooses_where_no_scored_label_has_both_classes():
    supervision, stopping = supervision_of([[0, 1], [0, 0]], [0]), EarlyStopping(nn.Linear(1, 1), patience=5)
    assert supervision.criterion == "loss, negative"
    for epoch, value in enumerate((0.0, -2.0, -1.0), 1):
        stopping.should_continue(epoch, supervision.score(np.array([[value, 1.0], [value, -1.0]])))
    assert stopping.chosen_epoch == 2
    assert [len(score) for _, score in stopping.history] == [1, 1, 1]


def test_only_scored_labels_choose():
    supervision = supervision_of([[0, 1], [1, 0]], [0])
    assert supervision.score(np.array([[-1.0, -1.0], [1.0, 1.0]]))[0] == 1.0
    both = supervision_of([[0, 1], [1, 0]], [0, 1])
    assert both.score(np.array([[-1.0, -1.0], [1.0, 1.0]]))[0] == 0.5


def test_without_validation_images_the_last_epoch_is_kept():
    none = np.empty(0, np.int64)
    _, history, _ = train(schedule=replace(SCHEDULE, epochs=2), validation=none)
    assert (history.chosen_epoch, history.validations, history.best) == (2, (), None)


def test_targets_that_do_not_count_change_nothing():
    logits = torch.tensor([[2.0, -1.0], [0.5, 3.0]], requires_grad=True)
    targets = torch.tensor([[1.0, torch.nan], [0.0, torch.nan]])
    loss = masked_loss(logits, targets)
    expected = nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets[:, 0])
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert logits.grad[:, 1].eq(0).all()
    assert masked_loss(logits, torch.full((2, 2), torch.nan)) == 0


def test_a_label_that_never_counts_leaves_the_others_learnable():
    targets = SQUARES.labels.copy()
    targets[:, 1] = np.nan
    targets[::3, 0] = np.nan
    _, _, area = train(targets=targets)
    assert area > 0.9


@pytest.mark.parametrize("epochs", [1, 8])
def test_a_network_that_explodes_is_said_to(epochs):
    """Though the loss of one epoch is a number and only its last step was too long."""
    with pytest.raises(FloatingPointError, match="--learning-rates"):
        train(schedule=replace(SCHEDULE, epochs=epochs, learning_rate=1e30), validation=np.empty(0, np.int64))


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_answers_that_are_no_numbers_choose_nothing(answer):
    with pytest.raises(FloatingPointError, match="NaN or infinite"):
        supervision_of([[0], [1]], [0]).score(np.array([[answer], [1.0]]))


def test_a_linear_probe_learns_and_leaves_the_encoder_untouched():
    net, history, area = train(probed, schedule=PROBE)
    assert area > 0.8
    assert len(history.losses) > 1
    before, after = model(), net
    for name, value in before.encoder.state_dict().items():
        torch.testing.assert_close(after.encoder.state_dict()[name], value, rtol=0, atol=0)
    assert not torch.equal(before.classifier.weight, after.classifier.weight)


def test_a_probe_of_no_steps_worth_speaking_of_asks_the_layer_it_was_given():
    """Standardising the features is put into the weights: the probe's own answers are the classifier's."""
    start = model().classifier.weight.detach().clone()
    net, _, _ = train(probed, schedule=replace(PROBE, epochs=1, learning_rate=1e-12))
    found = features(net, SQUARES, TRAIN, CPU)
    deviation = found.std(dim=0, correction=0)
    standard = (found - found.mean(dim=0)) / torch.where(deviation < 1e-6, 1, deviation)
    expected = standard @ start.T + model().classifier.bias
    np.testing.assert_allclose(logits_of(net, SQUARES, TRAIN, CPU), expected.detach().numpy(), atol=1e-4)


def test_what_a_probe_says_while_it_learns_is_what_its_classifier_says_afterwards():
    net = model()
    supervision = Supervision(TRAIN, VALIDATION, SQUARES.labels, [0])
    learner = probed(net, supervision, 0)
    history = fit(learner, PROBE, None, quiet)
    learner.finish()
    again = supervision.score(logits_of(net, SQUARES, VALIDATION, CPU))
    assert again == pytest.approx(history.best, abs=1e-4)


def test_a_probe_without_validation_images_and_of_one_training_image():
    supervision = Supervision(TRAIN[:1], np.empty(0, np.int64), SQUARES.labels, [0])
    net = model()
    learner = probed(net, supervision, 0)
    history = fit(learner, replace(PROBE, epochs=2), None, quiet)
    learner.finish()
    assert history.best is None
    assert np.isfinite(logits_of(net, SQUARES, TEST, CPU)).all()


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    ("how", "schedule"), [(tuned, replace(SCHEDULE, epochs=4)), (probed, replace(PROBE, epochs=4))]
)
def test_killed_and_taken_up_again_it_ends_with_the_same_bits(tmp_path, monkeypatch, how, schedule):
    def killed(epoch, *_):
        if epoch == 2:
            raise KilledError

    whole, expected, _ = train(how, schedule=schedule)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    with pytest.raises(KilledError):
        train(how, schedule=schedule, keep=tmp_path / "state", show=killed)
    again, history, _ = train(how, schedule=schedule, keep=tmp_path / "state")
    assert history == expected
    torch.testing.assert_close(whole.state_dict(), again.state_dict(), rtol=0, atol=0)
