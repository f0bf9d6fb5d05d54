"""The one training loop: chooses by validation, ends early, resumes to the last bit, freezes, refuses to explode."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pcrl.evaluation.finetune import fit as loop
from pcrl.evaluation.finetune.fit import Schedule, fit
from pcrl.evaluation.records.errors import ProtocolError

SCHEDULE = Schedule(epochs=8, learning_rate=0.05, halve_every=3, patience=100)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.encoder(x).relu())


class Line:
    """Learns x · (1, 2, 3) from seeded points; says of each epoch what a list says, if there is one."""

    criterion = "as told"

    def __init__(self, scores=None):
        torch.manual_seed(0)
        self.module, self.scores, self.asked, self.passes = Net(), scores, [], []

    @property
    def steps(self):
        return 4

    def show_training(self, batches):
        for n in range(min(batches, 4)):
            self.module(
                torch.from_numpy(np.random.default_rng([0, n]).normal(size=(8, 3)).astype(np.float32))
            )

    def batches(self, epoch):
        self.passes.append(epoch)
        rng = np.random.default_rng(epoch)
        for _ in range(4):
            yield torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))

    def loss(self, batch):
        truth = batch @ torch.tensor([1.0, 2.0, 3.0])
        return ((self.module(batch)[:, 0] - truth) ** 2).mean()

    def validate(self):
        if self.scores is None:
            return None
        self.asked.append({name: value.clone() for name, value in self.module.state_dict().items()})
        return (self.scores[len(self.asked) - 1],)

    def finish(self):
        pass


def quiet(*_):
    pass


def test_the_epoch_that_validation_likes_best_is_kept():
    learner = Line([0.1, 0.5, 0.9, 0.3, 0.9, 0.2, 0.1, 0.0])
    history = fit(learner, SCHEDULE, None, quiet)
    assert (history.chosen_epoch, history.best, history.stopped) == (3, (0.9,), "limit")
    assert len(history.losses) == 8
    assert history.losses[-1] < history.losses[0]
    kept = learner.module.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in learner.asked[2].items())


@pytest.mark.parametrize(("minimum", "epochs"), [(0, 4), (6, 6)])
def test_it_ends_when_nothing_was_better_for_a_while_but_not_before_the_minimum(minimum, epochs):
    schedule = replace(SCHEDULE, patience=2, minimum=minimum)
    history = fit(Line([0.1, 0.9, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0]), schedule, None, quiet)
    assert (len(history.losses), history.chosen_epoch, history.stopped) == (epochs, 2, "early")


def test_without_validation_the_last_epoch_is_kept():
    history = fit(Line(), SCHEDULE, None, quiet)
    assert (history.validations, history.chosen_epoch, history.stopped) == ((), 8, "limit")


def test_validation_is_asked_as_often_as_said_and_at_the_end():
    learner = Line([0.0] * 8)
    history = fit(learner, replace(SCHEDULE, validate_every=3), None, quiet)
    assert [epoch for epoch, _ in history.validations] == [3, 6, 8]


class KilledError(Exception):
    pass


FEW = replace(SCHEDULE, fewest_steps=9, norm_batches=3)


@pytest.mark.parametrize("scores", [None, [0.1, 0.8, 0.3, 0.9, 0.2, 0.1, 0.0, 0.0]])
@pytest.mark.parametrize("schedule", [SCHEDULE, FEW])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, monkeypatch, scores, schedule):
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)

    def killed(epoch, *_):
        if epoch == 5:
            raise KilledError

    whole = Line(scores)
    expected = fit(whole, schedule, None, quiet)
    with pytest.raises(KilledError):
        fit(Line(scores), schedule, tmp_path / "state", killed)
    again = Line(scores[5:] if scores else None)
    shown = []
    history = fit(again, schedule, tmp_path / "state", lambda epoch, *_: shown.append(epoch))
    assert shown == [6, 7, 8]
    assert history == expected
    pairs = zip(whole.module.state_dict().values(), again.module.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_training_that_has_ended_early_is_not_taken_up_again(tmp_path):
    schedule = replace(SCHEDULE, patience=2)
    scores = [0.1, 0.9, 0.3, 0.2]
    first = fit(Line(scores), schedule, tmp_path / "state", quiet)
    again = Line(scores)
    assert fit(again, schedule, tmp_path / "state", quiet) == first
    assert not again.asked


def test_the_rate_is_halved_in_steps(monkeypatch):
    rates = []
    step = torch.optim.Adam.step

    def noted(self, *arguments, **more):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments, **more)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    fit(Line(), SCHEDULE, None, quiet)
    assert rates[::4] == pytest.approx([0.05] * 3 + [0.025] * 3 + [0.0125] * 2)


def test_a_frozen_encoder_stays_as_it_is_statistics_included():
    learner = Line()
    before = {name: value.clone() for name, value in learner.module.state_dict().items()}
    fit(learner, replace(SCHEDULE, frozen=True), None, quiet)
    after = learner.module.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}


def test_the_encoder_moves_at_its_share_of_the_rate():
    moved = {}
    for share in (1.0, 1e-3):
        learner = Line()
        before = {name: value.clone() for name, value in learner.module.named_parameters()}
        fit(learner, replace(SCHEDULE, epochs=1, encoder_rate=share), None, quiet)
        moved[share] = {
            name: (value - before[name]).abs().max().item()
            for name, value in learner.module.named_parameters()
        }
    # Adam's first steps are about as long as the rate.
    assert moved[1e-3]["encoder.0.weight"] < 0.01 * moved[1.0]["encoder.0.weight"]
    assert moved[1e-3]["head.bias"] > 0.1 * moved[1.0]["head.bias"] > 0


def test_a_loss_that_explodes_stops_it():
    with pytest.raises(FloatingPointError, match="--learning-rates"):
        fit(Line(), replace(SCHEDULE, learning_rate=float("inf")), None, quiet)


def test_a_small_training_set_is_gone_through_until_an_epoch_has_its_steps():
    learner = Line([0.0] * 8)
    history = fit(learner, FEW, None, quiet)
    # Nine steps of four batches are three times through, each time others.
    assert learner.passes == list(range(1, 25))
    assert (history.steps, len(history.losses)) == (96, 8)
    once = Line([0.0] * 8)
    assert fit(once, replace(SCHEDULE, fewest_steps=4), None, quiet).steps == 32
    assert once.passes == list(range(1, 9))


def test_steps_that_an_earlier_version_did_not_count_are_not_known(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)

    def killed(epoch, *_):
        raise KilledError

    with pytest.raises(KilledError):
        fit(Line(), SCHEDULE, tmp_path / "state", killed)
    path = tmp_path / "state/position.json"
    position = json.loads(path.read_text())
    assert position.pop("steps") == 4
    path.write_text(json.dumps(position))
    with pytest.raises(ProtocolError, match=r"state: .*position.json: damaged.*: remove this folder"):
        fit(Line(), SCHEDULE, tmp_path / "state", quiet)
    (tmp_path / "state/files.json").unlink()
    assert fit(Line(), SCHEDULE, tmp_path / "state", quiet).steps is None


@pytest.mark.parametrize("scores", [None, [0.0] * 7 + [1.0]])
def test_what_is_scored_and_kept_has_statistics_of_the_training_data(scores):
    """The last epoch is kept, because nobody validates or as the best."""
    found = {}
    for batches in (0, 4):
        learner = Line(scores)
        fit(learner, replace(SCHEDULE, norm_batches=batches), None, quiet)
        found[batches] = learner.module
        if scores:
            kept, scored = learner.module.state_dict(), learner.asked[-1]
            assert all(torch.equal(kept[name], value) for name, value in scored.items())
    for one, other in zip(found[0].parameters(), found[4].parameters(), strict=True):
        assert torch.equal(one, other)
    points = [np.random.default_rng([0, n]).normal(size=(8, 3)).astype(np.float32) for n in range(4)]
    with torch.no_grad():
        inside = found[4].encoder[0](torch.from_numpy(np.concatenate(points)))
    torch.testing.assert_close(found[4].encoder[1].running_mean, inside.mean(dim=0))
    assert not torch.allclose(found[0].encoder[1].running_mean, inside.mean(dim=0), atol=1e-3)


def test_a_frozen_encoder_keeps_its_statistics():
    learner = Line()
    before = {name: value.clone() for name, value in learner.module.encoder.state_dict().items()}
    fit(learner, replace(FEW, frozen=True), None, quiet)
    after = learner.module.encoder.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize(("scores", "expected"), [(None, 2), ([0.0] * 8, 8)])
def test_statistics_are_not_taken_for_nobody(scores, expected):
    """Where nobody validates, they are needed at the end; that nobody does is known after the first epoch."""
    learner, shown = Line(scores), []
    show = learner.show_training
    learner.show_training = lambda batches: shown.append(batches) or show(batches)
    fit(learner, replace(SCHEDULE, norm_batches=3), None, quiet)
    assert shown == [3] * expected
