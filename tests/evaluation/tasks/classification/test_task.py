"""The whole evaluation of a classifier in one process, on images of which half have a bright square."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pcrl.config import load_recipe
from pcrl.datasets.layouts.images.table import find
from pcrl.engine.cache.images.dataset import CachedImages
from pcrl.engine.images.ingest.plan import plan
from pcrl.engine.images.ingest.run import run
from pcrl.evaluation.arms.arm import Arm
from pcrl.evaluation.cohorts.cohorts import Design
from pcrl.evaluation.cohorts.images import images_of_views
from pcrl.evaluation.records.replicate import Replicate
from pcrl.evaluation.run.progress import Progress
from pcrl.evaluation.run.trainings import Plan, Trainings
from pcrl.evaluation.statistics.roc import auroc_per_label, roc_curve, thinned
from pcrl.evaluation.tasks.classification.details.calibration import calibration_rows
from pcrl.evaluation.tasks.classification.summary import Tables, compare_first, lines_of, results_of, rows_of
from pcrl.evaluation.tasks.classification.task import ClassificationTask
from pcrl.evaluation.tasks.task import Conditions
from pcrl.models.classifier import build_classifier
from tests.helpers import radiographs

pytestmark = pytest.mark.slow

RECIPE = load_recipe(
    "cpu-2d",
    [
        "data.size=48", "data.shard=64", "model.width=8", "finetuning.shape=[32, 32]", "finetuning.epochs=6",
        "finetuning.area=[0.8, 1.0]",
    ],
)  # fmt: skip
ARMS = (Arm("scratch", ""), Arm("shuffled", "", shuffled=True))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """90 patients with two images each, of one study; the second label is never positive, the third uncertain."""
    root = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    rows = [["image", "patient", "study", "square", "never", "unsure"]]
    for n in range(180):
        square = int(rng.integers(2))
        values = rng.integers(40, 90, (48, 60)).astype(np.uint8)
        if square:
            y, x = rng.integers(8, 22, 2)
            values[y : y + 18, x : x + 18] += 120
        radiographs.write(root / f"images/{n}.png", values)
        rows.append([f"{n}.png", f"p{n // 2}", "1", square, 0, -1])
    with (root / "squares.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    list(run(plan(find(root / "squares.csv", root / "images"), root / "cache", RECIPE), 1))
    return CachedImages.open(root / "cache/squares")


def changed(threads=2, **finetuning):
    return RECIPE.model_copy(
        update={
            "training": RECIPE.training.model_copy(update={"loader_threads": threads}),
            "finetuning": RECIPE.finetuning.model_copy(update=finetuning),
        }
    )


def task_of(images, recipe=RECIPE, seeds=1, fraction=0.8, **more):
    cohorts = images_of_views(images, Design(fraction, seeds, options={"views": "frontal"}))
    return ClassificationTask(cohorts, recipe, **more)


def carry_out(task, out, arms=ARMS, plan=None):
    """Outcomes, and what they come to."""
    outcomes = Trainings(task, task.cohorts, plan or Plan(), out, CPU, Progress()).of(arms)
    predictions = {
        arm: {replicate: one.predictions for replicate, one in runs.items()} for arm, runs in outcomes.items()
    }
    return outcomes, task.score(predictions, out)


def row(rows, label, metric="auroc"):
    return next((each for each in rows if (each.label, each.metric) == (label, metric)), None)


def test_what_is_there_is_found_and_shuffled_labels_fall_to_chance(images, tmp_path):
    task = task_of(images, seeds=2, scored=("square",))
    outcomes, scored = carry_out(task, tmp_path)
    learnt, chance = (scored.rows[arm.name] for arm in ARMS)
    for metric in ("auroc", "auroc_study"):
        assert row(learnt, "square", metric).value > 0.9
    assert abs(row(chance, "square").value - 0.5) < 0.25
    test = task.cohorts.first.test
    truth = images.table.labels[test][:, :1].astype(float)
    of_seeds = [
        auroc_per_label(one.predictions["probabilities"][:, :1], truth)[0]
        for one in outcomes["scratch"].values()
    ]
    assert row(learnt, "square").value == pytest.approx(np.mean(of_seeds))
    assert row(learnt, "square").by_seed == {n: pytest.approx(area) for n, area in enumerate(of_seeds)}
    assert row(learnt, "square").counts == {
        "positives": int(truth.sum()),
        "negatives": int((1 - truth).sum()),
    }
    for one in scored.comparisons:
        assert (one.arm, one.minus, one.label) == ("scratch", "shuffled", "square")
        sign = -1 if one.metric == "brier" else 1
        assert all(sign * value > 0 for value in one.by_seed.values())
        assert one.by_seed.keys() == {0, 1}
        assert (one.p is None) == ("fewer than 5 of a side" in one.why)
        assert one.patients == len({images.table.patients[n] for n in test})
    assert {one.metric for one in scored.comparisons} == {"auroc", "auroc_study", "brier"}
    assert [replicate.seed for replicate in outcomes["scratch"]] == [0, 1]
    for arm in ARMS:
        assert all(one.run.criterion == "mean AUROC" for one in outcomes[arm.name].values())
    assert {line.arm for line in scored.lines} == {"scratch", "shuffled"}
    for line in scored.lines:
        assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 1, 1)
        assert all(np.diff(line.x) >= 0) & all(np.diff(line.y) >= 0)
    # ROC curves are drawn by the report, from the lines above.
    assert (tmp_path / "calibration.png").stat().st_size > 10_000
    assert not (tmp_path / "roc.png").exists()


def test_shuffled_labels_are_those_of_other_images_of_the_same_part(images):
    task = task_of(images)
    replicate = task.cohorts.replicates[0]
    model = build_classifier(RECIPE.model, 3, None)
    kept = task.learnt.copy()
    right, mixed = (
        task.learner(model, Conditions(replicate, shuffled, False, CPU)).supervision
        for shuffled in (False, True)
    )
    np.testing.assert_array_equal(right.targets, kept)
    for rows in (right.train, right.validation):
        assert len(rows) > 5
        assert not np.array_equal(mixed.targets[rows], right.targets[rows])
        for ours, theirs in zip(mixed.targets[rows].T, right.targets[rows].T, strict=True):
            np.testing.assert_array_equal(np.sort(ours), np.sort(theirs))
    np.testing.assert_array_equal(
        mixed.targets[task.cohorts.first.test], right.targets[task.cohorts.first.test]
    )


def test_the_same_whatever_the_number_of_threads(images, tmp_path):
    for threads in (1, 3):
        carry_out(task_of(images, changed(threads, epochs=1)), tmp_path / str(threads), ARMS[:1])
    one, other = ((tmp_path / name / "probabilities.csv").read_bytes() for name in "13")
    assert one == other
    with (tmp_path / "1/probabilities.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == [images.table.names[n] for n in task_of(images).cohorts.first.test]
    assert {(r["arm"], r["seed"]) for r in rows} == {("scratch", "0")}


def test_what_cannot_be_scored_is_none_and_the_rest_goes_on(images, tmp_path):
    task = task_of(images, uncertain="ignore")
    _, scored = carry_out(task, tmp_path, ARMS[:1], Plan(frozen=True))
    rows = scored.rows["scratch"]
    never, unsure = row(rows, "never"), row(rows, "unsure")
    assert (never.value, never.interval, never.counts["positives"]) == (None, None, 0)
    assert (unsure.value, unsure.counts) == (None, {"positives": 0, "negatives": 0})
    assert row(rows, "unsure", "brier") is None
    assert row(rows, "never", "brier").value >= 0
    assert row(rows, "mean").value == row(rows, "square").value
    assert {line.label for line in scored.lines} == {"square"}
    notes = [*task.notes_on_training(), *task.notes_on_test()]
    assert (
        "no positives among the test images, so that the AUROC is undefined and not part of the mean: never, unsure"
        in notes
    )
    assert (
        "no negatives among the test images, so that the AUROC is undefined and not part of the mean: unsure"
        in notes
    )
    assert "no positive among the training images, so that it cannot be learnt: never, unsure" in notes
    with (tmp_path / "probabilities.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["truth unsure"] for r in rows} == {""}


def test_a_linear_probe_learns_and_the_encoder_that_answers_is_the_one_given(images, tmp_path):
    torch.manual_seed(5)
    state = build_classifier(RECIPE.model, 3, None).state_dict()
    given = {name: value.clone() for name, value in state.items() if name.startswith("encoder.")}
    task = task_of(images, changed(epochs=40, patience=40, learning_rate=3e-3), scored=("square",))
    kept = []
    predict = task.predict
    task.predict = lambda model, *more: kept.append(model.state_dict()) or predict(model, *more)
    outcomes, scored = carry_out(
        task, tmp_path, (Arm("pretrained", "", given),), Plan((1e-5, 3e-3), frozen=True)
    )
    assert row(scored.rows["pretrained"], "square").value > 0.7
    run = outcomes["pretrained"][Replicate(0)].run
    assert set(run.rates_tried) == {"1e-05", "0.003"}
    assert run.rates_tried[f"{run.learning_rate:g}"] == max(run.rates_tried.values())
    assert all(torch.equal(kept[0][name], value) for name, value in given.items())


def test_a_dozen_images_are_enough_for_the_statistics_of_batch_norm(images, tmp_path):
    """An encoder brings those of other data; twenty steps forget too little of them."""
    torch.manual_seed(5)
    state = build_classifier(RECIPE.model, 3, None).state_dict()
    given = {name: value.clone() for name, value in state.items() if name.startswith("encoder.")}
    for name, value in given.items():
        if name.endswith("running_mean"):
            value += 1000
    sure = {}
    for batches in (0, 100):
        few = changed(epochs=2, learning_rate=1e-3, norm_batches=batches)
        task = task_of(images, few, fraction=0.07, scored=("square",))
        outcomes, _ = carry_out(task, tmp_path / str(batches), (Arm("pretrained", "", given),))
        (one,) = outcomes["pretrained"].values()
        assert len(task.cohorts.first.train) == 12
        assert (one.run.steps, len(one.run.losses)) == (20, 2)
        truth = images.table.labels[task.cohorts.first.test][:, 0]
        probabilities = one.predictions["probabilities"][:, 0]
        sure[batches] = [float(np.median(probabilities[truth == value])) for value in (0, 1)]
    assert sure[100][0] < 0.5 < sure[100][1]
    assert not sure[0][0] < 0.5 < sure[0][1]


def test_what_is_shown_without_learning_is_the_middle_of_training_images(images):
    task = task_of(images)
    rows = task.cohorts.first.train
    shown, again = (list(task.batches.unchanged(rows, 0, 2)) for _ in range(2))
    assert [len(positions) for positions, _ in shown] == [
        len(p) for p, _ in list(task.batches.augmented(rows, 0, 1))[:2]
    ]
    for (positions, pixels), (_, same) in zip(shown, again, strict=True):
        np.testing.assert_array_equal(pixels, same)
        plain = np.concatenate([one for _, one in task.batches.plain(positions)])
        np.testing.assert_array_equal(pixels, plain)
    assert set(np.concatenate([p for p, _ in task.batches.unchanged(rows, 0, 1000)]).tolist()) == set(
        rows.tolist()
    )
    assert task.batches.steps(rows) == len(list(task.batches.unchanged(rows, 0, 1000)))


def test_what_a_task_says_of_itself(images):
    task = task_of(images, seeds=2)
    cohorts = task.cohorts
    assert cohorts.replicates == (Replicate(0), Replicate(1))
    side = cohorts.side(Replicate(1))
    table = images.table
    assert not set(side.train) & set(side.test)
    assert set(side.test) == {table.names[n] for n in table.where("test")}
    owners = dict(zip(table.names, table.patients, strict=True))
    assert cohorts.counts(Replicate(1)) == tuple(
        len({owners[name] for name in part}) for part in (side.train, side.test)
    )
    assert len(cohorts.tested()) == len(side.test)
    assert task.rebuild["labels"] == ["square", "never", "unsure"]
    json.dumps(task.rebuild)
    assert (task.schedule().epochs, task.schedule().frozen) == (6, False)
    assert [metric.name for metric in task.metrics if metric.main] == ["auroc"]


def synthetic(images=60, labels=("a", "b"), columns=(1,), seed=0):
    """Tables of two images a patient, which are one study."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (images, len(labels))).astype(np.float32)
    patients = [f"p{n // 2}" for n in range(images)]
    return Tables([str(n) for n in range(images)], patients, patients, labels, list(columns), truth)


def answers(tables, strength, seeds=3, seed=1):
    rng = np.random.default_rng(seed)
    return {
        n: tables.truth * strength + rng.uniform(0, 1 - strength, tables.truth.shape) for n in range(seeds)
    }


def test_seeds_are_averaged_after_they_are_scored():
    tables = synthetic()
    runs = answers(tables, 0.3)
    rows = rows_of(results_of(runs, tables), tables)
    found, of_studies = row(rows, "b"), row(rows, "b", "auroc_study")
    truth = tables.truth
    single = [auroc_per_label(scores[:, 1:], truth[:, 1:].astype(float))[0] for scores in runs.values()]
    assert found.value == pytest.approx(np.mean(single))
    assert found.by_seed == dict(enumerate(pytest.approx(area) for area in single))
    assert found.interval[0] < found.value < found.interval[1]
    assert found.patients == of_studies.patients == 30
    # Two images a study: half as many rows, and a positive one makes the study positive.
    assert of_studies.counts["positives"] == truth[:, 1].reshape(30, 2).max(axis=1).sum()
    assert sum(of_studies.counts.values()) == 30
    # Of one scored label there is no mean; only scored labels have rows.
    assert {each.label for each in rows} == {"b"}


def test_of_a_few_patients_with_a_finding_there_is_no_interval():
    tables = synthetic()
    runs = answers(tables, 0.3)
    truth = tables.truth.copy()
    truth[:, 1] = 0
    truth[:18, 1] = 1  # nine patients
    truth[18:22, 1] = np.nan
    few = replace(tables, truth=truth)
    found = row(rows_of(results_of(runs, few), few), "b")
    assert found.value is not None
    assert found.interval is None
    assert "9 patients with the finding, 19 without" in found.why
    assert (found.patients, found.counts["positives"]) == (28, 18)
    truth[18:20, 1] = 1
    assert row(rows_of(results_of(runs, few), few), "b").interval is not None


def test_the_mean_over_labels_is_that_of_each_seed():
    tables = synthetic(columns=(0, 1))
    runs = answers(tables, 0.3)
    rows = rows_of(results_of(runs, tables), tables)
    truth = tables.truth.astype(float)
    expected = np.mean([auroc_per_label(scores, truth) for scores in runs.values()])
    assert row(rows, "mean").value == pytest.approx(expected)
    low, high = row(rows, "mean").interval
    assert low < expected < high


def compared(tables, **runs):
    return compare_first({arm: results_of(found, tables) for arm, found in runs.items()}, tables)


def test_comparisons_of_arms_are_paired():
    tables = synthetic(columns=(0, 1))
    good, poor = answers(tables, 0.3), answers(tables, 0.02, seed=2)
    first, of_studies, brier = compared(tables, good=good, poor=poor)
    rows = {}
    for arm, runs in (("good", good), ("poor", poor)):
        results = results_of(runs, tables)
        rows[arm] = [*rows_of(results, tables), *calibration_rows(runs, results["images"], tables)]
    for one, metric in ((first, "auroc"), (of_studies, "auroc_study"), (brier, "brier")):
        assert (one.metric, one.label, one.arm, one.minus, one.patients) == (
            metric,
            "mean",
            "good",
            "poor",
            30,
        )
        gap = row(rows["good"], "mean", metric).value - row(rows["poor"], "mean", metric).value
        assert one.difference == pytest.approx(gap)
        if metric == "auroc_study":
            # A study is negative if both of its images are.
            assert "fewer than 10 of a side" in one.why
        else:
            assert one.interval[0] < one.difference < one.interval[1]
        assert one.p < 0.1
        assert one.by_seed.keys() == {0, 1, 2}
    (turned, *_) = compared(tables, poor=poor, good=good)
    assert turned.difference == pytest.approx(-first.difference)
    assert turned.p == pytest.approx(first.p)


def test_the_same_arm_twice_differs_by_nothing_and_how_sure_a_network_is_does_not_matter():
    tables = synthetic(columns=(0, 1))
    runs = answers(tables, 0.1)
    same = compared(tables, one=runs, other={seed: scores.copy() for seed, scores in runs.items()})
    assert [(one.difference, one.p) for one in same] == [(0, 1)] * 3
    surer = {seed: scores**9 for seed, scores in runs.items()}
    assert compared(tables, one=runs, other=surer)[0].p == 1


def test_arms_that_are_alike_are_not_called_different_too_often():
    tables = synthetic(images=40)
    found = [
        compared(tables, one=answers(tables, 0.3, 3, n), other=answers(tables, 0.3, 3, 100 + n))[0].p
        for n in range(60)
    ]
    # 0.05 of 60 are 3; three standard errors more are 8.
    assert sum(p < 0.05 for p in found) <= 8


def test_one_training_of_each_arm_is_not_tested():
    tables = synthetic(columns=(0, 1))
    for one in compared(tables, good=answers(tables, 0.5, 1), poor=answers(tables, 0.02, 1, seed=2)):
        assert (one.p, one.interval, one.by_seed.keys()) == (None, None, {0})
        assert one.why == "one training: differences of this size come by chance"


def test_too_few_patients_are_not_tested_and_what_has_no_auroc_is_not_compared():
    few = synthetic(images=10)
    one, *_ = compared(few, one=answers(few, 0.5), other=answers(few, 0.1))
    assert (one.p, one.interval, one.patients) == (None, None, 5)
    none = synthetic()
    none.truth[:] = 0
    only_brier = compared(none, one=answers(none, 0), other=answers(none, 0, seed=3))
    assert [one.metric for one in only_brier] == ["brier"]
    assert lines_of({"one": answers(none, 0)}, none) == []


@given(st.integers(2, 3000), st.integers(0, 2**32 - 1))
def test_a_thinned_curve_rises_from_0_to_1(count, seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.3
    truth[:2] = True, False
    false, true = roc_curve(rng.normal(truth, 1), truth)
    x, y = thinned(false, true)
    assert len(x) == len(y) <= 200
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert all(np.diff(x) >= 0) & all(np.diff(y) >= 0)
    assert set(zip(x, y, strict=True)) <= set(zip(false.tolist(), true.tolist(), strict=True))
    assert np.trapezoid(y, x) == pytest.approx(np.trapezoid(true, false), abs=0.02)


def test_nothing_that_is_found_is_nan(images, tmp_path):
    _, scored = carry_out(task_of(images, changed(epochs=1)), tmp_path)
    found = [each for arm in ARMS for each in scored.rows[arm.name]] + [*scored.comparisons, *scored.lines]
    for one in found:
        json.dumps(one.model_dump(mode="python"), allow_nan=False)
