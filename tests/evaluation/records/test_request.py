"""What is asked of an evaluation is stored as the first evaluations were, whatever tasks came later."""

import json

import pytest

from pcrl.evaluation.records.curve_request import CurveRequest, load_curve_request, save_curve_request
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.request import Request, load_request, save_request

FIRST = """{
 "format": 1,
 "task": "lits",
 "dataset": "lits",
 "command": "pcrl eval lits --target tumour",
 "cache": "/cache",
 "runs": "/runs",
 "arms": [
  "pretrained",
  "scratch"
 ],
 "checkpoints": [
  "/runs/first"
 ],
 "fraction": 0.1,
 "seeds": 2,
 "folds": [],
 "learning_rates": [],
 "freeze": false,
 "epochs": null,
 "recipe": null,
 "overrides": [],
 "transductive": false,
 "target": "tumour",
 "views": "frontal",
 "uncertain": "ones",
 "controls": {},
 "weights": {
  "/runs/first": "0123"
 },
 "identity": "4567",
 "rebuild": {
  "kind": "segmentation"
 }
}
"""
"""As an evaluation was stored before tasks had options of their own."""


def asked(**more):
    return Request(task="lits", dataset="lits", command="", cache="/cache", runs="/runs", **more)


def test_an_old_file_is_read_and_written_to_the_same_bytes(tmp_path):
    (tmp_path / "evaluation.json").write_text(FIRST)
    request = load_request(tmp_path)
    assert request.options == {"target": "tumour", "views": "frontal", "uncertain": "ones"}
    save_request(request, tmp_path / "again")
    assert (tmp_path / "again/evaluation.json").read_text(encoding="utf-8") == FIRST


def test_the_protocol_has_the_options_of_the_task_and_no_others():
    common = [
        *("cache", "arms", "checkpoints", "fraction", "seeds", "folds", "learning_rates", "freeze", "epochs"),
        *("transductive", "different_people", "validation"),
    ]
    wanted = asked(options={"target": "tumour"}, different_people=True, validation="all")
    assert list(wanted.protocol({"target"})) == [*common, "target"]
    assert list(wanted.protocol({"views", "uncertain"})) == [*common, "views", "uncertain"]
    assert list(wanted.protocol(())) == common


def test_an_option_that_came_later_comes_back(tmp_path):
    request = asked(options={"horizon": "5"})
    save_request(request, tmp_path)
    stored = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert (stored["options"], stored["target"]) == ({"horizon": "5"}, "liver")
    assert load_request(tmp_path) == request


def test_a_curve_keeps_what_it_is_of(tmp_path):
    curve = CurveRequest(request=asked(options={"target": "tumour"}), fractions=(0.1, 1.0))
    save_curve_request(curve, tmp_path)
    assert load_curve_request(tmp_path) == curve
    assert (
        json.loads((tmp_path / "curve-request.json").read_text(encoding="utf-8"))["request"]["target"]
        == "tumour"
    )
    assert [(name, each.fraction) for name, each in curve.each()] == [
        ("fraction-0.1", 0.1),
        ("fraction-1", 1.0),
    ]
    with pytest.raises(ProtocolError, match="holds no curve"):
        load_curve_request(tmp_path / "nothing")


def test_what_is_no_request_is_named(tmp_path):
    for change in ({"arms": ["frozen"]}, {"options": 3}, {"unknown": 1}):
        (tmp_path / "evaluation.json").write_text(json.dumps(json.loads(FIRST) | change))
        with pytest.raises(ProtocolError, match=rf"evaluation\.json cannot be used \({next(iter(change))}"):
            load_request(tmp_path)


def test_who_validates_is_kept_and_is_no_part_of_evaluations_that_nobody_asked(tmp_path):
    for validation in ("budget", "all"):
        request = asked(validation=validation)
        save_request(request, tmp_path)
        assert load_request(tmp_path) == request
        assert request.protocol(())["validation"] == validation
    (tmp_path / "evaluation.json").write_text(FIRST)
    assert load_request(tmp_path).validation == "earlier"
    assert "validation" not in load_request(tmp_path).protocol(())
