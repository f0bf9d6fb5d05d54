"""The report as a whole: everything in it, nothing fetched, nothing that a name could smuggle in."""

import re
import subprocess
import sys

import pytest

from pcrl.evaluation.report import write_report
from pcrl.evaluation.report.numbers import p_value
from pcrl.evaluation.report.page import flat
from pcrl.evaluation.report.tables.cases import MOST_ROWS
from pcrl.evaluation.report.tables.headline import headline
from tests.helpers import example_results
from tests.helpers.report_page import page_of

MAKERS = {
    "segmentation": example_results.segmentation,
    "classification": example_results.classification,
    "detection": example_results.detection,
    "tiny": example_results.tiny,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_file_needs_no_other(tmp_path, name):
    page = page_of(MAKERS[name](), tmp_path, curve=example_results.curve())
    for tag, attributes in page.elements:
        for key in ("src", "href", "srcset", "xlink:href", "data", "action", "poster"):
            value = attributes.get(key)
            if value is not None:
                assert value.startswith(("data:image/", "#", "../lits")), (tag, key, value)
        assert not any(key.startswith("on") for key in attributes), attributes
    style = (tmp_path / "report.html").read_text(encoding="utf-8").split("</style>")[0]
    assert "@import" not in style
    assert "url(" not in style
    assert not page.all("link")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html"]


@pytest.mark.parametrize("name", MAKERS)
def test_ids_are_unique_and_links_lead_somewhere(tmp_path, name):
    page = page_of(MAKERS[name](), tmp_path, curve=example_results.curve())
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    assert targets <= set(ids)


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_results_give_the_same_bytes(tmp_path, name):
    one, two = (write_report(MAKERS[name](), tmp_path / part).read_bytes() for part in "ab")
    assert one == two


@pytest.mark.parametrize("name", MAKERS)
def test_every_number_is_there(tmp_path, name):
    results = MAKERS[name]()
    page = page_of(results, tmp_path)
    exact = {attributes["value"] for attributes in page.all("data")}
    for arm in results.arms:
        for row in arm.rows:
            assert row.value is None or str(row.value) in exact
        for run in arm.runs:
            assert str(run.seconds) in exact
        for case in arm.cases[: MOST_ROWS // len(results.arms) if len(results.arms) == 1 else 100]:
            if arm is results.arms[0]:
                assert all(value is None or str(value) in exact for value in case.values.values())
    for row in headline(results):
        for cell in row.cells:
            assert cell.value in page.text
            assert cell.sd in page.text
            assert cell.interval in page.text
    for each in results.comparisons:
        assert str(each.difference) in exact
        assert p_value(each.p) in page.text
    for text in (results.command, results.machine, results.patients, *results.notes):
        assert " ".join(text.split()) in page.text
    for setting, value in (*flat(results.recipe), *flat(results.protocol), *results.versions.items()):
        assert setting in page.text
        assert value in page.text


def test_hostile_names_stay_text(tmp_path):
    page = page_of(example_results.tiny(), tmp_path)
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert not page.comments
    assert page.text.count("<script>alert(1)</script>") > 20
    assert "49" not in re.findall(r"\{\{ (.*?) \}\}", page.text)
    labels = [attributes["aria-label"] for attributes in page.all("svg") if "aria-label" in attributes]
    assert any(example_results.HOSTILE in label for label in labels)
    assert "No picture" in page.text


def test_a_policy_forbids_what_is_not_in_the_page(tmp_path):
    page = page_of(example_results.segmentation(), tmp_path)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_what_makes_scores_doubtful_comes_first(tmp_path):
    text = page_of(example_results.classification(), tmp_path).text
    transductive = "TRANSDUCTIVE: pre-training saw test patients"
    for warning in (transductive, "112 of 225 test cases are virtual or synthetic"):
        assert text.index(warning) < text.index("Scores of test patients")
    plain = page_of(example_results.segmentation(), tmp_path).text
    assert "RANSDUCTIVE" not in plain
    assert "virtual" not in plain


def test_evaluation_is_light_without_a_report():
    code = "import sys, pcrl.evaluation.records.results\n"
    code += "print(int('jinja2' in sys.modules or 'matplotlib' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "0"
