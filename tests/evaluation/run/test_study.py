"""Evaluations of segmentation from beginning to end, in this process, on a tiny LiTS."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pcrl.config import RecipeError
from pcrl.engine.cache.digests import write_digests
from pcrl.evaluation.arms.runs import open_run
from pcrl.evaluation.finetune import fit as loop
from pcrl.evaluation.records.curve_request import CurveRequest
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import Request, load_request, save_request
from pcrl.evaluation.records.results import Results, load_results, save_results
from pcrl.evaluation.run.curve import pinned
from pcrl.evaluation.run.opening import open_study
from pcrl.evaluation.run.progress import Progress
from tests.helpers import patients
from tests.helpers.made_runs import RESTORATION, make, recipe

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
KINDS = ("pretrained", "scratch", "permuted", "shuffled", "scratch-long")
QUICK = ("finetuning.samples_per_case=2",)


@pytest.fixture(scope="module")
def runs(lits, tmp_path_factory):
    """A folder with one run, of the training patients."""
    root = tmp_path_factory.mktemp("runs")
    make(lits, root / "first", 1)
    return root


@pytest.fixture
def asked(cache, runs):
    """A request, with changes."""

    def of(**changes):
        known = {"task": "lits", "dataset": "lits", "command": "pcrl eval lits", "cache": cache, "runs": runs}
        return Request(**known | {"epochs": 1, "overrides": QUICK} | changes)

    return of


class Shown(Progress):
    def __init__(self, epoch):
        self.epoch = epoch


def carry_out(request, folder, show=lambda *_: None):
    results = open_study(request).run(folder, CPU, Shown(show))
    save_results(results, folder)
    return results


def plain(results):
    """All that was found, but for when and how long."""
    found = results.model_dump(mode="json", exclude={"seconds", "created"})
    for run in (run for arm in found["arms"] for run in arm["runs"]):
        del run["seconds"]
    return found


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def whole(cache, runs, tmp_path_factory):
    """The folder of an undisturbed evaluation of five arms with two seeds, its results, and all epochs it showed."""
    folder, shown = tmp_path_factory.mktemp("whole") / "evaluation", []
    request = Request(
        task="lits", dataset="lits", command="pcrl eval lits", cache=cache, runs=runs, arms=KINDS, fraction=0.5,
        seeds=2, epochs=2, overrides=QUICK,
    )  # fmt: skip
    results = carry_out(
        request, folder, lambda arm, replicate, epoch, *_: shown.append((arm, str(replicate), epoch))
    )
    return folder, results, shown


def test_all_arms_have_the_same_patients_and_what_was_found_is_complete(whole, runs):
    folder, results, shown = whole
    assert load_results(folder) == results
    assert [arm.name for arm in results.arms] == list(KINDS)
    assert (results.task, results.dataset, results.training_patients, results.test_patients) == (
        "lits",
        "lits",
        2,
        3,
    )
    assert (results.transductive, results.virtual, results.main.name) == (False, 0, "dice")
    assert [(side.seed, side.fold) for side in results.splits] == [(0, None), (1, None)]
    for side in results.splits:
        assert set(side.test) == {f"volume-{n}" for n in patients.TEST}
        assert set(side.train) < {f"volume-{n}" for n in patients.TRAIN}
        assert set(side.validation) == {f"volume-{n}" for n in patients.VALIDATION}
    for arm in results.arms:
        assert [(run.seed, run.training_patients) for run in arm.runs] == [(0, 2), (1, 2)]
        assert [row.case for row in arm.cases] == list(results.splits[0].test)
        rows = {row.metric: row for row in arm.rows}
        assert set(rows) == {"dice", "hd95", "nsd", "global_dice"}
        values = [case.values["dice"] for case in arm.cases]
        assert rows["dice"].value == pytest.approx(np.mean(values))
        assert rows["dice"].sd == pytest.approx(np.std(values, ddof=1))
        assert all(0 <= value <= 1 for value in values)
        # A network that finds nothing is not let off: all have the liver.
        distances = [case.values["hd95"] for case in arm.cases]
        assert all(distance > 0 for distance in distances)
        # Of each seed the median over patients; of one seed it would be that of these distances.
        assert rows["hd95"].value == pytest.approx(np.mean(list(rows["hd95"].by_seed.values())))
        assert rows["hd95"].patients == 3
        assert len([one for one in results.pictures if one.arm == arm.name]) == 3
    assert {(one.arm, one.minus) for one in results.comparisons} == {
        ("pretrained", kind) for kind in KINDS[1:]
    }
    assert all((one.p, one.interval) == (None, None) for one in results.comparisons)
    assert all((folder / picture.file).is_file() for picture in results.pictures)
    assert len(list((folder / "overlays").iterdir())) == 5 * 2 * 3
    assert all(
        (folder / run.folder / "weights.safetensors").is_file() for arm in results.arms for run in arm.runs
    )
    longest = max(epoch for arm, _, epoch in shown if arm == "scratch-long")
    assert 10 <= longest <= 20
    assert {epoch for arm, _, epoch in shown if arm != "scratch-long"} == {1, 2}
    about = {arm.name: arm.about for arm in results.arms}
    assert about["scratch"] == "random weights"
    assert {arm.checkpoint for arm in results.arms} == {None, str(runs / "first")}


def test_what_was_asked_is_kept_with_all_that_decides_it(whole, cache, runs):
    folder, results, _ = whole
    kept = load_request(folder)
    assert kept.identity
    assert kept.checkpoints == (runs / "first",)
    assert kept.rebuild["target"]["names"] == ["liver"]
    assert (kept.rebuild["channels"], kept.rebuild["patch"], kept.rebuild["modality"]) == (
        1,
        [16, 16, 16],
        "ct",
    )
    assert results.protocol["fraction"] == 0.5
    assert not {"rebuild", "identity", "overrides"} & set(results.protocol)
    assert results.recipe["finetuning"]["epochs"] == 2
    assert set(results.recipe) == {"name", "about", "dimensions", "data", "model", "finetuning"}
    assert {"target"} == {"target", "views", "uncertain"} & set(results.protocol)


@pytest.mark.parametrize(
    "kills", [[("pretrained", "seed0", 1)], [("scratch", "seed1", 2), ("scratch-long", "seed0", 7)]]
)
def test_killed_and_resumed_it_ends_as_an_undisturbed_one(whole, tmp_path, monkeypatch, kills):
    _, expected, all_shown = whole
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    request = load_request(whole[0])
    shown = []

    def show(arm, replicate, epoch, *_):
        shown.append((arm, str(replicate), epoch))
        if shown[-1] in kills:
            raise KilledError

    for _ in kills:
        with pytest.raises(KilledError):
            carry_out(request, tmp_path / "killed", show)
        # As `--resume` does: what is in the folder is what was asked.
        request = load_request(tmp_path / "killed")
    results = carry_out(request, tmp_path / "killed", show)
    assert shown == all_shown
    assert plain(results) == plain(expected)
    assert not list((tmp_path / "killed").rglob("*unfinished*"))
    carry_out(request, tmp_path / "killed", show)
    assert shown == all_shown


def test_what_an_earlier_version_did_not_keep_of_predictions_is_predicted_by_the_kept_networks(
    whole, tmp_path
):
    folder, expected, _ = whole
    shutil.copytree(folder, tmp_path / "earlier")
    for path in (tmp_path / "earlier").rglob("answers.npz"):
        with np.load(path) as stored:
            kept = {name: stored[name] for name in ("dice", "hd95", "common", "total")}
        np.savez(path, **kept | {"dice": np.ones_like(kept["dice"])})
    shown = []
    results = carry_out(load_request(folder), tmp_path / "earlier", lambda *one: shown.append(one))
    assert not shown
    assert plain(results) == plain(expected)


def test_a_cache_that_has_changed_since_is_refused(whole, cache, tmp_path):
    shutil.copytree(cache, tmp_path / "cache")
    request = load_request(whole[0]).model_copy(update={"cache": tmp_path / "cache"})
    open_study(request)
    path = tmp_path / "cache/lits/dataset.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["cases"]["volume-3"]["split"] = "train"
    path.write_text(json.dumps(record))
    write_digests(path.parent)
    with pytest.raises(ProtocolError, match="lits has changed since this evaluation began"):
        open_study(request)


def test_the_run_that_was_taken_stays_though_a_newer_one_comes(asked, lits, tmp_path):
    make(lits, tmp_path / "runs/old", 5)
    make(lits, tmp_path / "runs/control", 4, recipe(*RESTORATION))
    study = open_study(asked(runs=tmp_path / "runs", arms=("restoration", "pretrained")))
    make(lits, tmp_path / "runs/new", 3)
    make(lits, tmp_path / "runs/new-control", 2, recipe(*RESTORATION))
    save_request(study.request, tmp_path / "kept")
    again = open_study(load_request(tmp_path / "kept"))
    names = [arm.checkpoint.name for arm in again.chosen.arms]
    assert names == [arm.checkpoint.name for arm in study.chosen.arms] == ["control", "old"]


def test_what_can_be_learnt_is_learnt_and_from_shuffled_labels_nothing(asked, tmp_path):
    results = carry_out(asked(arms=("pretrained", "shuffled"), epochs=8, overrides=()), tmp_path)
    learnt, chance = ({row.metric: row for row in arm.rows} for arm in results.arms)
    assert learnt["dice"].value > 0.8
    assert learnt["global_dice"].value > 0.8
    assert learnt["hd95"].value < 5
    assert chance["dice"].value < 0.4
    # True labels do not choose the epoch of what must find nothing.
    assert results.arms[1].runs[0].criterion == "last epoch"
    assert results.arms[0].runs[0].criterion == "mean Dice on the cache's grid"
    assert results.comparisons[0].difference == pytest.approx(learnt["dice"].value - chance["dice"].value)


def test_a_frozen_encoder_is_that_of_the_run(asked, runs, tmp_path):
    carry_out(asked(freeze=True), tmp_path)
    kept = load_file(tmp_path / "runs/pretrained-seed0/weights.safetensors")
    trained = open_run(runs / "first").state
    names = [name for name in kept if name.startswith("encoder.")]
    assert len(names) > 10
    assert all(torch.equal(kept[name], trained[name]) for name in names)


def test_folds_in_turn_test_everyone(asked, lits, tmp_path):
    request = asked(arms=("scratch",), folds=(0, 1, 2, 3, 4))
    results = carry_out(request, tmp_path)
    everyone = {case.name for case in lits.cases}
    assert [run.fold for run in results.arms[0].runs] == [0, 1, 2, 3, 4]
    assert sorted(name for side in results.splits for name in side.test) == sorted(everyone)
    assert {row.case for row in results.arms[0].cases} == everyone
    assert results.arms[0].rows[0].patients == results.test_patients == 8
    # The run has seen those that are tested in other folds.
    with pytest.raises(ProtocolError, match="saw the test set: patients volume-0"):
        open_study(asked(arms=("pretrained",), folds=(0, 1, 2, 3, 4)))


def leaky(lits, run):
    """Make a run that saw a test patient."""
    make(lits, run, 1)
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(record | {"patients": ["volume-3", "volume-1"]}))


def test_a_run_that_saw_test_patients_is_refused_unless_stated(asked, lits, tmp_path):
    leaky(lits, tmp_path / "leaky")
    request = asked(checkpoints=(tmp_path / "leaky",))
    with pytest.raises(ProtocolError, match=r"leaky saw the test set: patients volume-3;.*--transductive"):
        open_study(request)
    results = carry_out(request.model_copy(update={"transductive": True}), tmp_path / "stated")
    assert results.transductive is True


def test_a_control_that_saw_test_patients_is_refused_too(asked, lits, tmp_path):
    make(lits, tmp_path / "runs/both", 3)
    make(lits, tmp_path / "runs/control", 2, recipe(*RESTORATION))
    path = tmp_path / "runs/control/run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"patients": ["volume-4"]}))
    with pytest.raises(ProtocolError, match="control saw the test set: patients volume-4"):
        open_study(asked(runs=tmp_path / "runs", arms=("pretrained", "restoration")))


def test_rates_are_chosen_by_validation_patients_and_refused_without(asked, cache, tmp_path):
    results = carry_out(asked(learning_rates=(1e-5, 0.01), epochs=4, overrides=()), tmp_path / "scores")
    (run,) = results.arms[0].runs
    assert run.learning_rate == 0.01
    assert set(run.rates_tried) == {"1e-05", "0.01"}
    assert run.rates_tried["0.01"] == max(score for _, score in run.validations) > run.rates_tried["1e-05"]
    shutil.copytree(cache, tmp_path / "cache")
    path = tmp_path / "cache/lits/dataset.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["cases"]["volume-27"]["split"] = "test"
    path.write_text(json.dumps(record))
    write_digests(path.parent)
    alone = {"cache": tmp_path / "cache", "arms": ("scratch",)}
    with pytest.raises(ProtocolError, match=r"no validation patients to choose a learning rate by \(seed0\)"):
        open_study(asked(learning_rates=(1e-5, 0.01), **alone))
    (first, *_) = open_study(asked(learning_rates=(0.01,), **alone)).notes()
    assert first.startswith("no validation patients: every training runs to its last epoch")


def test_one_training_of_several_arms_is_named_before_it_begins(asked):
    said = "one training of each arm: differences between arms come by chance; --seeds 3 or more tests them"
    assert said in open_study(asked(arms=("scratch", "scratch-long"), seeds=1)).notes()
    assert said not in open_study(asked(arms=("scratch", "scratch-long"), seeds=2)).notes()
    assert said not in open_study(asked(arms=("scratch",), seeds=1)).notes()


def test_weights_that_no_arm_begins_with_leak_nothing(asked, lits, tmp_path):
    leaky(lits, tmp_path / "leaky")
    study = open_study(asked(checkpoints=(tmp_path / "leaky",), arms=("scratch",)))
    assert study.verdict.saw is False


def test_shuffled_labels_choose_no_rate(asked):
    rates = {"learning_rates": (1e-5, 0.01)}
    with pytest.raises(
        ProtocolError, match="with shuffled labels there is no validation score to choose a learning rate by"
    ):
        open_study(asked(arms=("shuffled",), **rates))
    open_study(asked(arms=("pretrained", "shuffled"), **rates))


def test_it_does_not_go_on_with_other_weights_or_settings(whole, runs):
    request = load_request(whole[0])
    open_study(request)
    assert list(request.weights) == [str(runs / "first")]
    with pytest.raises(ProtocolError, match=r"the weights of .*first have changed since"):
        open_study(request.model_copy(update={"weights": {str(runs / "first"): "0" * 64}}))
    with pytest.raises(ProtocolError, match="the recipe has changed since"):
        open_study(request.model_copy(update={"overrides": ("finetuning.samples_per_case=3",)}))


def test_a_curve_stays_with_the_run_that_it_began_with(asked, lits, tmp_path):
    make(lits, tmp_path / "runs/first", 2)
    wanted = CurveRequest(request=asked(runs=tmp_path / "runs"), fractions=(0.5, 1.0))
    pinned_first = pinned(wanted)
    make(lits, tmp_path / "runs/second", 1)
    assert {request.checkpoints for _, request in pinned_first.each()} == {(tmp_path / "runs/first",)}
    for _, request in pinned_first.each():
        assert open_study(request).chosen.arms[0].checkpoint == tmp_path / "runs/first"
    assert open_study(wanted.request).chosen.arms[0].checkpoint == tmp_path / "runs/second"


def test_a_run_that_is_not_finished_is_said_to_be(asked, lits, tmp_path):
    make(lits, tmp_path / "half", 1)
    (tmp_path / "half/finished.json").unlink()
    notes = open_study(asked(checkpoints=(tmp_path / "half",))).notes()
    assert any("half is not finished: its last checkpoint so far, epoch-" in note for note in notes)


def test_several_checkpoints_are_arms_beside_one_control(asked, lits, tmp_path):
    for n, name in enumerate("ab"):
        make(lits, tmp_path / name, n)
    request = asked(arms=("pretrained", "scratch"), checkpoints=(tmp_path / "a", tmp_path / "b"))
    results = carry_out(request, tmp_path / "scores")
    assert [arm.name for arm in results.arms] == ["pretrained-a", "pretrained-b", "scratch"]
    assert results.arms[0].runs[0].losses != results.arms[1].runs[0].losses
    assert {(one.arm, one.minus) for one in results.comparisons} == {
        ("pretrained-a", "pretrained-b"),
        ("pretrained-a", "scratch"),
    }


def test_every_value_of_any_data_set_is_a_class(asked, tmp_path):
    results = carry_out(asked(task="segmentation"), tmp_path)
    assert {row.label for row in results.arms[0].rows} == {"liver", "tumour", "mean"}


def test_a_value_without_a_name_among_named_ones_is_refused(asked, cache, tmp_path):
    shutil.copytree(cache, tmp_path / "cache")
    path = tmp_path / "cache/lits/dataset.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["label_names"] = {"2": "tumour"}
    path.write_text(json.dumps(record))
    write_digests(path.parent)
    with pytest.raises(
        ProtocolError, match=r"lits: the label of volume-.* holds 1, which the data set does not name"
    ):
        open_study(asked(cache=tmp_path / "cache", task="segmentation", arms=("scratch",)))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (
            {"7": "necrotic core", "2": "oedema", "4": "enhancing tumour"},
            r"lits: the label of .* holds 1; these files have 2 for oedema, 4 for enhancing tumour, 7 for necrotic",
        ),
        ({}, r"the label values are not named: .*labels\.csv"),
    ],
)
def test_a_value_that_the_naming_of_brats_does_not_know_is_refused(asked, cache, tmp_path, names, named):
    shutil.copytree(cache, tmp_path / "cache")
    path = tmp_path / "cache/lits/dataset.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | {"label_names": names}))
    write_digests(path.parent)
    with pytest.raises(ProtocolError, match=named):
        open_study(asked(cache=tmp_path / "cache", task="brats", arms=("scratch",)))


def test_liver_and_tumour(asked, tmp_path):
    results = carry_out(asked(target="tumour"), tmp_path)
    assert {row.label for row in results.arms[0].rows} == {"liver", "tumour", "mean"}
    assert load_request(tmp_path).rebuild["target"]["overlapping"] is True
    # Nobody has a tumour there, so that there is nothing to score: least of all as perfect.
    assert "no test patient has tumour: scores undefined, and not part of the mean" in results.notes
    assert "no training patient has tumour: it cannot be learnt" in results.notes
    dice = {row.label: row.value for row in results.arms[0].rows if row.metric == "dice"}
    assert dice["tumour"] is None
    assert dice["mean"] == dice["liver"]


def test_what_cannot_be_is_said_before_anything_is_trained(asked, runs):
    with pytest.raises(RecipeError, match="recipe cpu-2d is for images, lits holds volumes"):
        open_study(asked(recipe="cpu-2d"))
    with pytest.raises(RecipeError, match=r"finetuning\.epoch"):
        open_study(asked(overrides=("finetuning.epoch=3",)))
    with pytest.raises(RecipeError, match="lits was ingested with data settings other than those of --set"):
        open_study(asked(overrides=("data.spacing=[2, 2, 2]",)))
    with pytest.raises(ProtocolError, match="no finished run"):
        open_study(asked(overrides=("model.width=8",)))
    with pytest.raises(ProtocolError, match="lits has folds 0 to 4, not 5"):
        open_study(asked(arms=("scratch",), folds=(5,)))


def test_records_that_cannot_be_used_are_named(whole, tmp_path):
    with pytest.raises(ProtocolError, match=r"no results\.json"):
        load_results(tmp_path)
    with pytest.raises(ProtocolError, match="holds no evaluation"):
        load_request(tmp_path)
    content = json.loads((whole[0] / "results.json").read_text(encoding="utf-8"))
    (tmp_path / "results.json").write_text(json.dumps(content | {"arms": 3}))
    with pytest.raises(ProtocolError, match=r"results\.json cannot be used \(arms: "):
        load_results(tmp_path)
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(ProtocolError, match=r"evaluation\.json cannot be used"):
        load_request(tmp_path)


def test_a_record_goes_to_json_and_back_without_nan(whole):
    text = (whole[0] / "results.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=pytest.fail)
    assert Results.model_validate_json(text) == whole[1]


def test_opening_reads_no_voxel(asked, monkeypatch):
    monkeypatch.setattr("pcrl.engine.cache.chunks.frames.StoredArray.read", pytest.fail)
    one = open_study(asked())
    epochs = one.task.schedule().epochs
    assert (one.planned().runs, one.planned().epochs) == (1, epochs)
    many = open_study(asked(arms=KINDS, seeds=2, learning_rates=(0.1, 0.2))).planned()
    assert (many.runs, many.epochs) == (5 * 2, 5 * 2 * 2 * epochs)


def test_where_nobody_validates_every_arm_has_the_rate_of_the_recipe(asked, tmp_path):
    arms = ("scratch", "pretrained")
    request = asked(validation="budget", arms=arms, learning_rates=(1e-5, 0.2), fraction=0.5)
    notes = open_study(request).notes()
    assert (
        "nobody validates in seed0, to choose among the learning rates: every arm has the recipe's, 0.01"
        in notes
    )
    results = carry_out(request, tmp_path)
    for arm in results.arms:
        (run,) = arm.runs
        assert (run.learning_rate, run.rates_tried, run.criterion) == (0.01, {"0.01": None}, "last epoch")
        assert (run.training_patients, run.validation_patients, run.labelled_patients) == (3, 0, 3)
    assert (results.training_patients, results.validation_patients, results.labelled_patients) == (3, 0, 3)


def test_an_evaluation_begun_earlier_goes_on_by_the_rules_it_began_with(asked, tmp_path):
    begun = open_study(asked(arms=("scratch",))).request
    finetuning = begun.rebuild["recipe"]["finetuning"]
    # As an earlier version stored it: it knew none of these settings.
    for part in (finetuning, begun.rebuild["recipe"]["candidates"]):
        assert [part.pop(name) for name in ("fewest_steps", "norm_batches")] == [0, 0]
    save_request(begun, tmp_path / "before")
    assert "validation" not in json.loads((tmp_path / "before/evaluation.json").read_text(encoding="utf-8"))
    results = carry_out(load_request(tmp_path / "before"), tmp_path / "before")
    (run,) = results.arms[0].runs
    # Two patches of each of four cases, two a batch; the one validation patient chooses.
    assert (run.steps, run.criterion, run.validation_patients) == (4, "mean Dice on the cache's grid", 1)
    assert (results.protocol["fewest_steps"], results.protocol["norm_batches"]) == (0, 0)
    carry_out(load_request(tmp_path / "before"), tmp_path / "before")
    now = carry_out(asked(arms=("scratch",), validation="all"), tmp_path / "now")
    assert now.arms[0].runs[0].steps == 12
    assert (now.protocol["fewest_steps"], now.protocol["norm_batches"]) == (10, 100)
    assert now.splits == results.splits
