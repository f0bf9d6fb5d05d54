"""External tests of segmentation, in this process: networks of a tiny LiTS on an nnU-Net data set."""

import csv
import json
import shutil

import numpy as np
import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.format import CacheError
from pcrl.engine.ingest import ingest
from pcrl.evaluation.external.evaluate import evaluate_elsewhere
from pcrl.evaluation.external.study import ExternalStudy
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.results import load_results
from pcrl.evaluation.run.evaluate import evaluate
from pcrl.evaluation.run.progress import Progress
from tests.helpers import patients, scans
from tests.helpers.made_runs import make

pytestmark = pytest.mark.slow

QUICK = ("finetuning.samples_per_case=2", "finetuning.fewest_steps=2", "finetuning.norm_batches=1")
LABELS = {"background": 0, "Liver": 3, "spleen": 5}


def nnunet(root, name, people, labels=LABELS):
    """A data set of these bodies whose block has the value of the first label."""
    source = root / f"Dataset{name}"
    value = next(v for v in labels.values() if v)
    for number, body in people.items():
        values, block = patients.body(body)
        scans.write(source / f"imagesTr/{number}_0000.nii.gz", values, (1.0, 1.0, 2.0))
        scans.write(source / f"labelsTr/{number}.nii.gz", block.astype(np.uint8) * value, (1.0, 1.0, 2.0))
    described = {
        "channel_names": {"0": "CT"},
        "labels": labels,
        "numTraining": len(people),
        "file_ending": ".nii.gz",
    }
    (source / "dataset.json").write_text(json.dumps(described))
    return source


@pytest.fixture(scope="module")
def place(cache, tmp_path_factory):
    """A cache with LiTS and others, an evaluation of two arms and seeds, and one with folds."""
    root = tmp_path_factory.mktemp("external")
    shutil.copytree(cache, root / "cache")
    lits = Cache(root / "cache").dataset("lits")
    make(lits, root / "runs/first", 1)
    people = {
        "held": {f"h{number}": number for number in patients.TEST},
        "trained": {"stranger": patients.TRAIN[0], "other": 60},
        "unlike": {"u1": 61, "u2": 62},
    }
    for name, own in people.items():
        labels = {"background": 0, "block": 1, "rest": 2} if name == "unlike" else LABELS
        source = nnunet(root, f"00{len(name)}_{name}", own, labels)
        ingest(
            "nnunet", source=source, dataset=name, cache=root / "cache", recipe=lits.record.recipe, workers=1
        )
    known = {"cache": root / "cache", "runs": root / "runs", "overrides": QUICK, "epochs": 2}
    evaluate("lits", arms=("scratch", "pretrained"), seeds=2, out=root / "scores", **known)
    evaluate("lits", arms=("scratch",), folds=(0, 1), out=root / "folds", **known)
    return root


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def scores(results):
    return [
        {row.label: (row.metric, row.value, row.by_seed, row.interval, row.counts) for row in arm.rows}
        for arm in results.arms
    ]


def test_test_patients_of_the_evaluation_under_other_values_score_as_there(place):
    """The same scans in another layout, names and label values: every score is the one of the evaluation."""
    results = evaluate_elsewhere("lits", "held", run=place / "scores", device="cpu")
    inside = load_results(place / "scores")
    assert scores(results) == scores(inside)
    assert [one.difference for one in results.comparisons] == [one.difference for one in inside.comparisons]
    folder = place / "scores/tested-on/held"
    assert load_results(folder) == results
    assert (results.dataset, results.trained_on, results.test_patients) == ("held", "lits", 3)
    assert (results.training_patients, results.labelled_patients) == (4, 4)
    assert {row["side"] for row in table(folder / "splits.csv")} == {"test"}
    assert "labels by another name in held: liver is Liver" in results.notes
    page = (folder / "report.html").read_text()
    assert "Trained on lits, tested on held." in page
    assert "no test on data from elsewhere" not in (folder / "model-card.md").read_text()
    assert "trained and chosen on lits, and tested on held" in (folder / "checklist.md").read_text()


def test_a_copy_of_what_was_trained_on_is_refused_whatever_is_allowed(place):
    for allowed in ({}, {"transductive": True}, {"different_people": True}):
        with pytest.raises(
            ProtocolError, match=r"the fine-tuning of .*scores saw the test set: .*trained/stranger"
        ):
            evaluate_elsewhere("lits", "trained", run=place / "scores", **allowed)
    assert not (place / "scores/tested-on/trained").exists()


def test_what_pretraining_saw_is_refused_or_marked(place, tmp_path):
    run = json.loads((place / "runs/first/run.json").read_text())
    assert not {"h3", "h4", "h11"} & set(run["patients"])
    copy = tmp_path / "scores"
    shutil.copytree(place / "scores", copy, ignore=shutil.ignore_patterns("tested-on"))
    held = Cache(place / "cache").dataset("held")
    seen = run["patients"]
    changed = run | {"patients": [*seen, held.cases[0].patient]}
    try:
        (place / "runs/first/run.json").write_text(json.dumps(changed))
        with pytest.raises(ProtocolError, match=r"the pre-training of .*first saw .*--test-patients test"):
            evaluate_elsewhere("lits", "held", run=copy)
        results = evaluate_elsewhere("lits", "held", run=copy, transductive=True, device="cpu")
    finally:
        (place / "runs/first/run.json").write_text(json.dumps(run))
    assert results.transductive


def test_labels_are_found_by_name_or_named(place):
    with pytest.raises(
        ProtocolError, match="unlike has no label that the networks know: they have liver, tumour"
    ):
        evaluate_elsewhere("lits", "unlike", run=place / "scores")
    out = place / "named"
    results = evaluate_elsewhere(
        "lits", "unlike", run=place / "scores", same_labels={"liver": "block"}, out=out, device="cpu"
    )
    assert {row.label for row in results.arms[0].rows} == {"liver"}
    assert results.test_patients == 2


def test_of_folds_every_network_tests_everybody(place):
    with pytest.raises(ProtocolError, match=r"the fine-tuning of .*folds saw the test set: .*held/h"):
        evaluate_elsewhere("lits", "held", run=place / "folds")
    named = {"liver": "block"}
    results = evaluate_elsewhere("lits", "unlike", run=place / "folds", same_labels=named, device="cpu")
    (arm,) = results.arms
    dice = next(row for row in arm.rows if row.metric == "dice" and row.label == "liver")
    assert (sorted(dice.by_seed), dice.patients) == ([0, 1], 2)
    assert "the 2 networks of the folds count as trainings of their own, like seeds" in results.notes
    kept = [
        np.load(place / f"folds/tested-on/unlike/runs/scratch-seed{n}/answers.npz")["dice"] for n in (0, 1)
    ]
    means = [float(np.nanmean(one[:, 0])) for one in kept]
    assert list(dice.by_seed.values()) == pytest.approx(means)


class Stopped(Progress):
    """Stops after a number of networks."""

    def __init__(self, after):
        self.left = after

    def trained(self, arm, replicate):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_stopped_test_goes_on_with_what_it_has(place, monkeypatch):
    out, whole = place / "stopped", load_results(place / "scores/tested-on/held")
    with pytest.raises(KeyboardInterrupt):
        evaluate_elsewhere("lits", "held", run=place / "scores", out=out, device="cpu", progress=Stopped(3))
    with pytest.raises(ProtocolError, match="begun with other options"):
        evaluate_elsewhere("lits", "held", run=place / "scores", out=out, different_people=True)
    predicted, original = [], ExternalStudy._predicted
    monkeypatch.setattr(ExternalStudy, "_predicted", lambda *a: predicted.append(a[1].name) or original(*a))
    results = evaluate_elsewhere("lits", "held", run=place / "scores", out=out, device="cpu")
    assert predicted == ["pretrained-seed1"]
    assert scores(results) == scores(whole)
    with pytest.raises(ProtocolError, match="holds a finished external test"):
        evaluate_elsewhere("lits", "held", run=place / "scores", out=out)


@pytest.mark.parametrize(
    ("task", "dataset", "changes", "error", "message"),
    [
        ("lits", "lits", {}, ProtocolError, "its test patients are scored there already"),
        ("lits", "nothing", {}, CacheError, "holds held, lits, trained, unlike, not 'nothing'"),
        ("brats", "held", {}, ProtocolError, "is of lits, not of brats"),
        ("lits", "held", {"run": "nowhere"}, ProtocolError, "it holds no evaluation"),
        ("lits", "held", {"test_patients": "some"}, ProtocolError, "expected all or test"),
    ],
)
def test_what_cannot_be_tested(place, task, dataset, changes, error, message):
    with pytest.raises(error, match=message):
        evaluate_elsewhere(task, dataset, **{"run": place / "scores"} | changes)


def test_data_prepared_otherwise_are_refused(place, tmp_path):
    shutil.copytree(place / "cache", tmp_path / "cache")
    source = nnunet(tmp_path, "070_coarse", {"c1": 70})
    recipe = Cache(place / "cache").dataset("lits").record.recipe
    coarse = recipe.model_copy(update={"data": recipe.data.model_copy(update={"spacing": (2.0, 2.0, 2.0)})})
    ingest("nnunet", source=source, dataset="coarse", cache=place / "cache", recipe=coarse, workers=1)
    with pytest.raises(
        ProtocolError, match=r"coarse was ingested otherwise.*data.spacing is \[2.0, 2.0, 2.0\] there"
    ):
        evaluate_elsewhere("lits", "coarse", run=place / "scores")
