"""Fine-tuning and linear probe on a toy: whether there is a bright square."""

import numpy as np
import pytest
import torch
from torch import nn

from pcrl.config import Classification, ImageModel
from pcrl.evaluation.classify import Task, features, finetune, predict
from pcrl.evaluation.early_stopping import EarlyStopping, masked_loss
from pcrl.evaluation.linear_probe import probe
from pcrl.evaluation.roc import auroc
from pcrl.models.classifier import build_classifier

CPU = torch.device("cpu")
SETTINGS = Classification(
    shape=(32, 32), epochs=8, patience=8, batch_size=16, learning_rate=1e-3, halve_every=50
)
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


def train(how=finetune, targets=SQUARES.labels, settings=SETTINGS, validation=VALIDATION, seen=None):
    net = model()
    task = Task(TRAIN, validation, targets, [0])
    shown = [] if seen is None else seen
    history = how(net, SQUARES, task, settings, 0, CPU, lambda *line: shown.append(line))
    scores = predict(net, SQUARES, TEST, CPU)[:, 0]
    return net, history, auroc(scores, SQUARES.labels[TEST, 0] > 0.5)


def test_what_can_be_learnt_is_learnt_and_the_same_way_twice():
    seen = []
    first, history, area = train(seen=seen)
    assert area > 0.95
    assert history.criterion == "AUROC"
    assert len(seen) == len(history.losses) == len(history.validations)
    assert history.validations[history.chosen_epoch - 1][1] == max(area for _, area in history.validations)
    again, same, _ = train()
    assert same == history
    torch.testing.assert_close(first.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_shuffled_labels_teach_nothing():
    mixed = SQUARES.labels.copy()
    for rows in (TRAIN, VALIDATION):
        mixed[rows] = SQUARES.labels[np.random.default_rng(1).permutation(rows)]
    areas = []
    for seed in range(3):
        net = model()
        finetune(net, SQUARES, Task(TRAIN, VALIDATION, mixed, [0]), SETTINGS, seed, CPU, lambda *_: None)
        areas.append(auroc(predict(net, SQUARES, TEST, CPU)[:, 0], SQUARES.labels[TEST, 0] > 0.5))
    assert abs(np.mean(areas) - 0.5) < 0.2


def test_the_best_epoch_is_kept_and_training_ends_when_none_is_better():
    layer = nn.Linear(1, 1)
    truth = np.array([[0], [1], [1]], np.float32)
    stopping = EarlyStopping(layer, truth, [0], patience=2)
    right, wrong = np.array([[-1.0], [1.0], [2.0]]), np.array([[1.0], [-1.0], [2.0]])
    went_on = []
    for epoch, logits in enumerate((wrong, right, right, wrong), 1):
        with torch.no_grad():
            layer.weight.fill_(epoch)
        went_on.append(stopping.better_is_near(epoch, logits))
    assert went_on == [True, True, True, False]
    stopping.restore()
    assert (layer.weight.item(), stopping.chosen_epoch) == (2, 2)
    assert [area for _, area in stopping.history] == [0.5, 1.0, 1.0, 0.5]


def test_of_two_epochs_with_the_same_auroc_the_one_with_the_lower_loss_is_kept():
    stopping = EarlyStopping(nn.Linear(1, 1), np.array([[0], [1]], np.float32), [0], patience=5)
    for epoch, size in enumerate((1.0, 3.0, 2.0), 1):
        stopping.better_is_near(epoch, np.array([[-size], [size]]))
    assert stopping.chosen_epoch == 2


def test_loss_chooses_where_no_scored_label_has_both_classes():
    truth = np.array([[0, 1], [0, 0]], np.float32)
    stopping = EarlyStopping(nn.Linear(1, 1), truth, [0], patience=5)
    assert stopping.criterion == "loss"
    for epoch, value in enumerate((0.0, -2.0, -1.0), 1):
        stopping.better_is_near(epoch, np.array([[value, 1.0], [value, -1.0]]))
    assert stopping.chosen_epoch == 2
    assert stopping.history[0][1] is None


def test_without_validation_images_the_last_epoch_is_kept():
    settings = SETTINGS.model_copy(update={"epochs": 2})
    _, history, _ = train(settings=settings, validation=np.empty(0, np.int64))
    assert (history.criterion, history.chosen_epoch, history.validations) == ("last epoch", 2, ())


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


def test_a_loss_that_is_no_number_is_said():
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(FloatingPointError, match=r"lower finetuning\.learning_rate"):
        train(settings=settings)


def test_a_linear_probe_learns_and_leaves_the_encoder_untouched():
    settings = SETTINGS.model_copy(update={"epochs": 60, "patience": 60, "learning_rate": 3e-3})
    net, history, area = train(probe, settings=settings)
    assert area > 0.8
    assert len(history.losses) > 1
    before, after = model(), net
    for name, value in before.encoder.state_dict().items():
        torch.testing.assert_close(after.encoder.state_dict()[name], value, rtol=0, atol=0)
    assert not torch.equal(before.classifier.weight, after.classifier.weight)


def test_a_probe_of_no_steps_worth_speaking_of_asks_the_layer_it_was_given():
    """Standardising the features is put into the weights: the probe's own answers are the classifier's."""
    net = model()
    start = net.classifier.weight.detach().clone()
    settings = SETTINGS.model_copy(update={"epochs": 1, "learning_rate": 1e-12})
    probe(net, SQUARES, Task(TRAIN, VALIDATION, SQUARES.labels, [0]), settings, 0, CPU, lambda *_: None)
    found = features(net, SQUARES, TRAIN, CPU)
    deviation = found.std(dim=0, correction=0)
    standard = (found - found.mean(dim=0)) / torch.where(deviation < 1e-6, 1, deviation)
    expected = standard @ start.T + model().classifier.bias
    np.testing.assert_allclose(predict(net, SQUARES, TRAIN, CPU), expected.detach().numpy(), atol=1e-4)
