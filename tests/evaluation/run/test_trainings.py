"""Training every arm in every replicate: alike, once, to the same bits after a kill; rates are chosen."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pcrl.evaluation.arms.arm import Arm
from pcrl.evaluation.finetune import fit as loop
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.records.kept import PREDICTIONS, RUN, WEIGHTS
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.run.trainings import Plan, Trainings, read

SEEDS = (Replicate(0), Replicate(1))
AS_IT_IS = Plan()
CPU = torch.device("cpu")
POINTS = torch.from_numpy(np.random.default_rng(99).normal(size=(16, 3)).astype(np.float32))
TRUTH = torch.tensor([1.0, -2.0, 3.0])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6))
        self.head = nn.Linear(6, 1)

    def forward(self, x):
        return self.head(self.encoder(x).relu())[:, 0]


def encoder():
    torch.manual_seed(7)
    return {f"encoder.{name}": value for name, value in Net().encoder.state_dict().items()}


class Line:
    """Learns a linear function from the seed's own points."""

    criterion = "negative squared error"

    def __init__(self, module, task, replicate, shuffled):
        self.module, self.task, self.replicate, self.sign = module, task, replicate, -1 if shuffled else 1

    def batches(self, epoch):
        rng = np.random.default_rng([self.replicate.seed, epoch])
        for _ in range(3):
            yield torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))

    def loss(self, batch):
        return ((self.module(batch) - self.sign * batch @ TRUTH) ** 2).mean()

    def validate(self):
        if not self.task.validates:
            return None
        self.module.eval()
        with torch.no_grad():
            return (-float(((self.module(POINTS) - POINTS @ TRUTH) ** 2).mean()),)

    def finish(self):
        self.task.finished += 1


class Lines:
    """As much of a task, and of its cohorts, as `Trainings` asks for."""

    predicted = frozenset({"answer", "weight"})

    def __init__(self, replicates=SEEDS, validates=True):
        self.replicates, self.validates, self.finished, self.built = replicates, validates, 0, []

    def schedule(self):
        return Schedule(epochs=4, learning_rate=0.05, halve_every=3, patience=100)

    def build(self, state):
        net = Net()
        if state is not None:
            net.encoder.load_state_dict(
                {name.removeprefix("encoder."): value for name, value in state.items()}
            )
        self.built.append({name: value.clone() for name, value in net.state_dict().items()})
        return net

    def learner(self, model, conditions):
        return Line(model, self, conditions.replicate, conditions.shuffled)

    def counts(self, replicate):
        return 5, 2

    def predict(self, model, replicate, arm, device, out):
        model.eval()
        with torch.no_grad():
            return {"answer": model(POINTS).numpy(), "weight": model.head.weight.numpy().copy()}


ARMS = (
    Arm("pretrained", "", encoder()),
    Arm("scratch", ""),
    Arm("permuted", "", encoder(), permuted=True),
    Arm("scratch-long", "", longer=True),
    Arm("shuffled", "", encoder(), shuffled=True),
)


class KilledError(Exception):
    pass


class Shown(Progress):
    def __init__(self, epoch, trained=lambda *_: None):
        self.epoch, self.trained = epoch, trained


def trainings(task, plan, out, progress):
    return Trainings(task, task, plan, out, CPU, progress)


def carry_out(out, task=None, plan=AS_IT_IS, arms=ARMS, kill=None):
    """The outcomes, and what was shown: (arm, replicate, epoch); a kill comes after one of these."""
    shown, through = [], []

    def show(arm, replicate, epoch, loss, score):
        shown.append((arm, str(replicate), epoch))
        if shown[-1] == kill:
            raise KilledError

    try:
        progress = Shown(show, lambda *_: through.append(1))
        outcomes = trainings(task or Lines(), plan, out, progress).of(arms)
    except KilledError:
        return None, shown
    assert len(through) == len(arms) * len((task or Lines()).replicates)
    return outcomes, shown


def plain(outcomes):
    """All that an evaluation comes to, but for how long it took."""
    return {
        (arm, replicate): (
            one.run.model_dump(exclude={"seconds"}),
            {name: array.tobytes() for name, array in one.predictions.items()},
        )
        for arm, replicates in outcomes.items()
        for replicate, one in replicates.items()
    }  # fmt: skip


def test_all_arms_at_all_places_alike(tmp_path):
    task = Lines()
    outcomes, shown = carry_out(tmp_path, task)
    assert list(outcomes) == [arm.name for arm in ARMS]
    assert all(tuple(replicates) == task.replicates for replicates in outcomes.values())
    assert task.finished == 10
    epochs = {
        name: [e for arm, replicate, e in shown if (arm, replicate) == (name, "seed0")] for name in outcomes
    }
    assert epochs["pretrained"] == epochs["shuffled"] == [1, 2, 3, 4]
    assert epochs["scratch-long"] == list(range(1, 41))
    # What is new starts the same in every arm, and otherwise with another seed.
    heads = [state["head.weight"] for state in task.built]
    assert all(torch.equal(heads[0], head) for head in heads[::2])
    assert all(torch.equal(heads[1], head) for head in heads[1::2])
    assert not torch.equal(heads[0], heads[1])
    by_arm = {arm.name: task.built[2 * n] for n, arm in enumerate(ARMS)}
    assert torch.equal(by_arm["pretrained"]["encoder.0.weight"], encoder()["encoder.0.weight"])
    assert torch.equal(by_arm["scratch"]["encoder.0.weight"], by_arm["scratch-long"]["encoder.0.weight"])
    mixed = by_arm["permuted"]["encoder.0.weight"]
    assert not torch.equal(mixed, encoder()["encoder.0.weight"])
    torch.testing.assert_close(mixed.flatten().sort()[0], encoder()["encoder.0.weight"].flatten().sort()[0])
    best = {
        name: max(score for _, score in replicates[Replicate(0)].run.validations)
        for name, replicates in outcomes.items()
    }
    assert best["scratch-long"] > best["scratch"] > best["shuffled"]


def test_what_is_kept_is_the_chosen_network_and_its_record(tmp_path):
    outcomes, _ = carry_out(tmp_path, arms=ARMS[:1])
    folder = tmp_path / "runs/pretrained-seed1"
    one = outcomes["pretrained"][Replicate(1)]
    assert {path.name for path in folder.iterdir()} == {RUN, WEIGHTS, PREDICTIONS}
    model = Net()
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.eval()
    np.testing.assert_array_equal(model(POINTS).detach().numpy(), one.predictions["answer"])
    run = one.run
    assert (run.seed, run.fold, run.folder, run.training_patients) == (1, None, "runs/pretrained-seed1", 5)
    assert (run.criterion, run.learning_rate, run.stopped) == ("negative squared error", 0.05, "limit")
    assert run.validations[run.chosen_epoch - 1][1] == max(score for _, score in run.validations)
    assert run.rates_tried == {"0.05": max(score for _, score in run.validations)}
    assert plain({"pretrained": {Replicate(1): read(folder)}}) == plain({"pretrained": {Replicate(1): one}})
    assert run.digest == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_the_digest_of_weights_that_an_earlier_version_kept_is_taken_of_the_file(tmp_path):
    outcomes, _ = carry_out(tmp_path, arms=ARMS[:1])
    path = tmp_path / "runs/pretrained-seed1" / RUN
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored.pop("digest")
    path.write_text(json.dumps(stored), encoding="utf-8")
    again, shown = carry_out(tmp_path, arms=ARMS[:1])
    assert not shown
    assert plain(again) == plain(outcomes)
    (path.parent / WEIGHTS).unlink()
    without, _ = carry_out(tmp_path, arms=ARMS[:1])
    assert without["pretrained"][Replicate(1)].run.digest is None


def test_what_is_missing_of_the_predictions_is_predicted_anew_by_the_kept_network(tmp_path):
    outcomes, _ = carry_out(tmp_path, arms=ARMS[:1])
    path = tmp_path / "runs/pretrained-seed1" / PREDICTIONS
    np.savez(path, answer=np.zeros(3))
    again, shown = carry_out(tmp_path, arms=ARMS[:1])
    assert not shown
    assert plain(again) == plain(outcomes)
    with np.load(path) as stored:
        assert set(stored.files) == {"answer", "weight"}


@pytest.mark.parametrize(
    "kill",
    [
        ("pretrained", "seed0", 1),
        ("pretrained", "seed0", 4),
        ("permuted", "seed1", 2),
        ("scratch-long", "seed0", 23),
    ],
)
def test_a_killed_evaluation_goes_on_to_the_same_bits_and_does_nothing_twice(tmp_path, monkeypatch, kill):
    arms = [arm for arm in ARMS if arm.name in ("pretrained", kill[0])]
    expected, all_shown = carry_out(tmp_path / "whole", arms=arms)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    nothing, before = carry_out(tmp_path / "killed", arms=arms, kill=kill)
    assert nothing is None
    monkeypatch.undo()
    outcomes, after = carry_out(tmp_path / "killed", arms=arms)
    assert before + after == all_shown
    assert plain(outcomes) == plain(expected)
    again, none = carry_out(tmp_path / "killed", arms=arms)
    assert (none, plain(again)) == ([], plain(expected))
    assert not list(tmp_path.rglob("*unfinished*"))


def test_a_kill_at_every_epoch_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    plan, arms = Plan(rates=(0.01, 0.05, 0.1)), ARMS[:2]
    expected, all_shown = carry_out(tmp_path / "whole", plan=plan, arms=arms)
    seen = []
    while True:

        def show(*line):
            seen.append((line[0], str(line[1]), line[2]))
            raise KilledError

        try:
            outcomes = trainings(Lines(), plan, tmp_path / "killed", Shown(show)).of(arms)
            break
        except KilledError:
            assert len(seen) <= len(all_shown)
    assert seen == all_shown
    assert plain(outcomes) == plain(expected)


def test_what_has_no_record_is_done_again(tmp_path):
    expected, _ = carry_out(tmp_path, arms=ARMS[:1])
    folder = tmp_path / "runs/pretrained-seed0"
    (folder / RUN).unlink()
    (folder / PREDICTIONS).write_bytes(b"damaged")
    outcomes, shown = carry_out(tmp_path, arms=ARMS[:1])
    assert {replicate for _, replicate, _ in shown} == {"seed0"}
    assert plain(outcomes) == plain(expected)


def test_validation_chooses_the_rate_of_every_arm_and_place_and_all_are_recorded(tmp_path):
    rates = (1e-4, 0.05, 0.2)
    outcomes, shown = carry_out(tmp_path / "all", plan=Plan(rates), arms=ARMS[:2])
    alone = {rate: carry_out(tmp_path / f"{rate}", plan=Plan((rate,)), arms=ARMS[:2])[0] for rate in rates}
    for arm in ("pretrained", "scratch"):
        for replicate in (Replicate(0), Replicate(1)):
            found = outcomes[arm][replicate]
            best = {
                f"{rate:g}": next(iter(alone[rate][arm][replicate].run.rates_tried.values()))
                for rate in rates
            }
            assert found.run.rates_tried == best
            chosen = max(rates, key=lambda rate: best[f"{rate:g}"])
            assert found.run.learning_rate == chosen != 1e-4
            # The network that answers, and is kept, is that of the chosen rate.
            for name, array in found.predictions.items():
                np.testing.assert_array_equal(array, alone[chosen][arm][replicate].predictions[name])
            assert found.run.losses == alone[chosen][arm][replicate].run.losses
    assert len(shown) == 3 * 2 * 2 * 4


def test_a_rate_at_which_it_diverges_is_recorded_as_none(tmp_path):
    infinite = float("inf")
    task = Lines((Replicate(0),))
    outcomes, _ = carry_out(tmp_path / "some", task, Plan((0.05, infinite)), ARMS[:1])
    run = outcomes["pretrained"][Replicate(0)].run
    assert (run.learning_rate, run.rates_tried["inf"]) == (0.05, None)
    assert run.rates_tried["0.05"] == max(score for _, score in run.validations)
    assert task.finished == 2
    # Wherever it stands in the list.
    outcomes, _ = carry_out(tmp_path / "first", Lines((Replicate(0),)), Plan((infinite, 0.05)), ARMS[:1])
    assert outcomes["pretrained"][Replicate(0)].run.learning_rate == 0.05
    with pytest.raises(FloatingPointError, match="--learning-rates"):
        carry_out(tmp_path / "none", Lines((Replicate(0),)), Plan((infinite,)), ARMS[:1])
    assert not (tmp_path / "none/runs/pretrained-seed0" / RUN).exists()


def test_without_validation_patients_the_last_epoch_is_kept_and_said_to_be(tmp_path):
    outcomes, _ = carry_out(tmp_path, Lines(validates=False), arms=ARMS[:1])
    run = outcomes["pretrained"][Replicate(0)].run
    assert (run.criterion, run.chosen_epoch, run.validations) == ("last epoch", 4, ())
    assert run.rates_tried == {"0.05": None}


def test_frozen_encoders_stay_and_folds_have_folders_of_their_own(tmp_path):
    replicates = (Replicate(0, 0), Replicate(0, 1))
    outcomes, _ = carry_out(tmp_path, Lines(replicates), Plan(frozen=True), ARMS[:1])
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {
        "pretrained-seed0-fold0",
        "pretrained-seed0-fold1",
    }
    assert outcomes["pretrained"][Replicate(0, 1)].run.fold == 1
    kept = load_file(tmp_path / "runs/pretrained-seed0-fold0" / WEIGHTS)
    assert all(torch.equal(kept[name], value) for name, value in encoder().items())


def test_chance_outside_is_left_as_it_was(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    carry_out(tmp_path, arms=ARMS[:1])
    torch.testing.assert_close(torch.rand(2), expected, rtol=0, atol=0)


def test_records_are_json_without_nan(tmp_path):
    carry_out(tmp_path, arms=ARMS[:1])
    for path in tmp_path.rglob(RUN):
        json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_a_control_on_shuffled_labels_has_the_rate_of_the_first_arm(tmp_path):
    arms = (Arm("scratch", ""), Arm("shuffled", "", shuffled=True))
    found, _ = carry_out(tmp_path, plan=Plan((1e-4, 0.05)), arms=arms)
    for replicate, outcome in found["shuffled"].items():
        assert outcome.run.learning_rate == found["scratch"][replicate].run.learning_rate == 0.05
        assert list(outcome.run.rates_tried) == ["0.05"]
