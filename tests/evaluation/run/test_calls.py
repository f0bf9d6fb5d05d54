"""`evaluate`, `curve` and `predict` as a library: one call each, told to a `Progress`, gone on with after a stop."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from pcrl.engine.cache.cache import Cache
from pcrl.evaluation.predict.predict import predict
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.results import load_results
from pcrl.evaluation.run.curve import curve
from pcrl.evaluation.run.evaluate import evaluate
from pcrl.evaluation.run.progress import Progress
from pcrl.models.device import DeviceError
from tests.helpers import patients, scans

pytestmark = pytest.mark.slow

QUICK = {"arms": ("scratch",), "epochs": 1, "overrides": ("finetuning.samples_per_case=2",), "device": "cpu"}


class Told(Progress):
    """Keeps the names of what it is told, and stops at one of them."""

    def __init__(self, stop=""):
        self.events, self.stop = [], stop

    def _told(self, name):
        self.events.append(name)
        if name == self.stop:
            raise KeyboardInterrupt

    def resumed(self, folder, command):
        self._told(f"resumed {command.partition('(')[0]}")

    def planned(self, plan, folder):
        assert plan.epochs >= plan.runs >= len(plan.arms) > 0
        self._told("planned")

    def epoch(self, arm, replicate, epoch, loss, score):
        self._told(f"epoch {arm} {replicate} {epoch}")

    def trained(self, arm, replicate):
        self._told(f"trained {arm} {replicate}")

    def written(self, results, folder):
        self._told("written")

    def predicted(self, summary):
        self._told("predicted")

    def failed(self, reason):
        self._told("failed")


@pytest.fixture(scope="module")
def evaluated(cache, tmp_path_factory):
    """An evaluation that was stopped after its first seed and gone on with: its folder, its results, both tellings."""
    place = tmp_path_factory.mktemp("calls")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        first, second = Told("trained scratch seed0"), Told()
        with pytest.raises(KeyboardInterrupt):
            evaluate("lits", cache=str(cache), seeds=2, options={"target": "tumour"}, progress=first, **QUICK)
        (folder,) = (place / "evaluations").iterdir()
        assert not (folder / "results.json").exists()
        results = evaluate("lits", resume=True, device="cpu", progress=second)
    return folder, results, first.events, second.events


def test_it_is_told_from_beginning_to_end_and_goes_on(evaluated):
    folder, results, first, second = evaluated
    assert first == ["planned", "epoch scratch seed0 1", "trained scratch seed0"]
    assert second == [
        "resumed pcrl.evaluate",
        "planned",
        "trained scratch seed0",
        "epoch scratch seed1 1",
        "trained scratch seed1",
        "written",
    ]
    assert load_results(folder) == results
    assert results.protocol["target"] == "tumour"
    assert results.command.startswith("pcrl.evaluate('lits', cache=")
    written = {path.name for path in folder.iterdir()}
    assert written >= {
        "report.html",
        "model-card.md",
        "checklist.md",
        "scores.csv",
        "cases.csv",
        "comparisons.csv",
        "runs.csv",
        "splits.csv",
    }


def test_nothing_is_overwritten_and_what_goes_on_is_what_was_asked(evaluated, cache, monkeypatch):
    folder = evaluated[0]
    monkeypatch.chdir(folder.parents[1])
    with pytest.raises(ProtocolError, match=r"is not empty: continue it \(--resume\)"):
        evaluate("lits", cache=cache, out=folder, **QUICK)
    with pytest.raises(
        ProtocolError, match="continues with the arguments that were given at the start: remove fraction"
    ):
        evaluate("lits", out=folder, resume=True, fraction=0.5)
    with pytest.raises(ProtocolError, match="pcrl eval lits has nothing unfinished"):
        evaluate("lits", resume=True)


@pytest.mark.parametrize(
    ("task", "more", "named"),
    [
        ("liver", {}, "no task 'liver'"),
        ("segmentation", {}, "segmentation needs --dataset"),
        ("lits", {"dataset": "other"}, "lits takes no --dataset"),
        ("chexpert", {"folds": (0,)}, "chexpert has no --folds"),
        ("lits", {"options": {"views": "all"}}, "lits has no --views"),
        ("lits", {"arms": ("frozen",)}, "no arm 'frozen'"),
        ("lits", {"arms": "frozen"}, "no arm 'frozen'"),
        ("lits", {"recipe": patients.RECIPE}, "kept by its name or the path"),
        ("lits", {"arms": ()}, "no arm was given; there are pretrained"),
        ("lits", {"fraction": 0.0}, "fraction 0: expected more than 0"),
        ("lits", {"seeds": 0}, "0 seeds: expected at least 1"),
        ("lits", {"epochs": 0}, "0 epochs: expected at least 1"),
        ("lits", {"folds": "0-4"}, r"folds are whole numbers, such as range\(5\), not '0-4'"),
        ("lits", {"seeds": 1.5}, "^seeds cannot be 1.5$"),
        ("lits", {"overrides": [3]}, "^overrides.0 cannot be 3$"),
        ("lits", {"learning_rates": (1e-4, 0.0)}, "a learning rate of 0: expected a number above 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(cache, tmp_path, task, more, named):
    with pytest.raises(ProtocolError, match=named):
        evaluate(task, cache=cache, out=tmp_path / "new", **more)
    assert not (tmp_path / "new").exists()


def test_a_cache_is_as_good_as_its_folder_and_one_name_as_a_list_of_one(cache, tmp_path):
    call = QUICK | {"arms": "scratch", "overrides": QUICK["overrides"][0]}
    results = evaluate("lits", cache=Cache(cache), out=tmp_path / "new", **call)
    assert [arm.name for arm in results.arms] == ["scratch"]
    assert results.command == (
        f"pcrl.evaluate('lits', cache=Cache({str(cache)!r}), arms='scratch', epochs=1, "
        f"overrides={call['overrides']!r}, out={tmp_path / 'new'!r}, device='cpu')"
    )


def test_a_device_that_there_is_not(cache):
    with pytest.raises(DeviceError):
        evaluate("lits", cache=cache, device="tpu")


@pytest.mark.slow
def test_a_curve_stopped_and_gone_on_with(cache, tmp_path):
    out = tmp_path / "curve"
    with pytest.raises(KeyboardInterrupt):
        curve("lits", fractions=(1.0, 0.25), cache=cache, out=out, progress=Told("written"), **QUICK)
    assert not (out / "report.html").exists()
    told = Told()
    found = curve("lits", out=out, resume=True, device="cpu", progress=told)
    assert told.events.count("written") == 1
    assert [(point.arm, point.fraction) for point in found.points] == [("scratch", 0.25), ("scratch", 1.0)]
    assert [results.training_patients for results in found.results] == [2, 4]
    assert json.loads((out / "curve.json").read_text(encoding="utf-8"))[1]["value"] == found.points[1].value
    # Scores of an earlier definition are not mixed with those of this one.
    earlier = out / "fraction-1/results.json"
    record = json.loads(earlier.read_text(encoding="utf-8"))
    record["format"] = 1
    record["arms"][0]["rows"][0]["value"] = 0.123
    earlier.write_text(json.dumps(record), encoding="utf-8")
    assert curve("lits", out=out, resume=True, device="cpu").points == found.points
    assert (out / "report.html").is_file()
    with pytest.raises(
        ProtocolError,
        match=r"was begun by pcrl curve lits: go on with pcrl curve lits --out .*curve --resume",
    ):
        curve("brats", out=out, resume=True)
    with pytest.raises(ProtocolError, match="expected at least one, each above 0 and at most 1"):
        curve("lits", fractions=(0.0,), cache=cache, out=tmp_path / "none", **QUICK)


def test_scans_are_predicted_and_what_cannot_be_read_is_returned(evaluated, tmp_path):
    scans.write(tmp_path / "scans/good.nii.gz", patients.body(4)[0])
    (tmp_path / "scans/broken.nii.gz").write_bytes(b"no scan")
    told = Told()
    found = predict(
        "lits", [str(tmp_path / "scans")], run=evaluated[0], out=tmp_path / "masks", progress=told
    )
    assert sorted(told.events) == ["failed", "predicted"]
    (reason,) = found.failed
    assert "broken.nii.gz" in reason
    assert (found.network, found.table) == (evaluated[0] / "runs/scratch-seed0", None)
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "masks/good.nii.gz")))
    assert set(np.unique(values)) <= {0, 1, 2}
    with pytest.raises(ProtocolError, match="masks is not empty"):
        predict("lits", [tmp_path / "scans"], run=evaluated[0], out=tmp_path / "masks")
    with pytest.raises(ProtocolError, match="no inputs"):
        predict("lits", [], run=evaluated[0], out=tmp_path / "new")
    one = predict("lits", str(tmp_path / "scans/good.nii.gz"), run=evaluated[0], out=tmp_path / "one")
    assert (one.failed, [path.name for path in one.out.iterdir()]) == ((), ["good.nii.gz"])
    with pytest.raises(ProtocolError, match="lits has no --candidates"):
        predict("lits", [], run=evaluated[0], out=tmp_path / "new", candidates="table.csv")
    with pytest.raises(ProtocolError, match="luna needs --candidates"):
        predict("luna", [], run=evaluated[0], out=tmp_path / "new")
