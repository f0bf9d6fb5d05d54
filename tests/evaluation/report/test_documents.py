"""The model card and the checklist: what the record knows, what it does not; nothing that a name could smuggle in."""

import itertools
import json
import math
import re

import pytest

from pcrl.evaluation.records.results import Metric, Results, Row, load_results
from pcrl.evaluation.report import write_checklist, write_model_card
from pcrl.evaluation.report.documents.checklist import checked
from pcrl.evaluation.report.documents.claim import ITEMS
from pcrl.evaluation.report.documents.markdown import escaped, fenced, numeral, quoted
from tests.helpers import example_results

MAKERS = {
    "segmentation": example_results.segmentation,
    "classification": example_results.classification,
    "detection": example_results.detection,
    "tiny": example_results.tiny,
    "nothing": example_results.record,
}
HOSTILE = (
    "---\n# | x | <script>alert(1)</script> [a](javascript:1) ![b](http://c) `` ``` ~~~ \u2028 \x85 \x1b[0m \\ \"' "
    "{{ 7*7 }} {% raw %} &amp; \udc80 *b* _i_ www.d.org e@f.org $g$"
)


def card_of(results, folder):
    return write_model_card(results, folder).read_text(encoding="utf-8")


def checklist_of(results, folder):
    return write_checklist(results, folder).read_text(encoding="utf-8")


def metadata_of(card):
    """The YAML between the first two lines of three hyphens."""
    yaml = pytest.importorskip("yaml")
    opening, front, _ = re.split(r"^---$\n", card, maxsplit=2, flags=re.MULTILINE)
    assert not opening
    return yaml.safe_load(front)


def outside_code(text):
    """The document without its blocks of code."""
    return re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def answers_of(results):
    return {line.number: line.answer for lines in checked(results).values() for line in lines}


@pytest.mark.parametrize("name", MAKERS)
def test_metadata_are_of_the_first_arm(tmp_path, name):
    results = MAKERS[name]()
    metadata = metadata_of(card_of(results, tmp_path))
    assert metadata["library_name"] == "pcrl"
    assert metadata["datasets"] == [results.dataset]
    assert "license" not in metadata
    assert all(isinstance(tag, str) for tag in metadata["tags"])
    assert set(metadata["metrics"]) == {row.metric for arm in results.arms for row in arm.rows}
    known = [row.value for row in (results.arms[0].rows if results.arms else ()) if row.value is not None]
    if not known:
        assert "model-index" not in metadata
        return
    [model] = metadata["model-index"]
    [scored] = model["results"]
    assert scored["dataset"] == {"type": results.dataset, "name": results.dataset, "split": "test"}
    assert [score["value"] for score in scored["metrics"]] == known
    doubtful = results.transductive or results.virtual
    assert all(bool(doubtful) == ("virtual" in score["name"]) for score in scored["metrics"])


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("write", [card_of, checklist_of])
def test_the_same_results_give_the_same_bytes(tmp_path, name, write):
    assert write(MAKERS[name](), tmp_path / "a") == write(MAKERS[name](), tmp_path / "b")


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("write", [card_of, checklist_of])
def test_rows_of_a_table_have_as_many_cells_as_its_header(tmp_path, name, write):
    lines = outside_code(write(MAKERS[name](), tmp_path)).splitlines()
    tables = [
        list(rows) for is_table, rows in itertools.groupby(lines, lambda s: s.startswith("|")) if is_table
    ]
    assert tables or name == "nothing"
    for header, rule, *rows in tables:
        cells = len(re.findall(r"(?<!\\)\|", header))
        assert rule == "|" + "---|" * (cells - 1)
        assert rows
        assert all(len(re.findall(r"(?<!\\)\|", row)) == cells for row in rows)
        assert all(row.endswith("|") for row in rows)


@pytest.mark.parametrize("name", [example_results.HOSTILE, HOSTILE])
@pytest.mark.parametrize("write", [card_of, checklist_of])
def test_hostile_names_stay_text(tmp_path, name, write):
    plain = outside_code(write(example_results.tiny("name"), tmp_path / "plain"))
    text = write(example_results.tiny(name), tmp_path / "hostile")
    body = outside_code(text)
    if write is card_of:
        assert metadata_of(text)["datasets"] == [name]
        body, plain = body.split("\n---\n", 1)[1], plain.split("\n---\n", 1)[1]
    assert "<script" not in body
    assert not re.search(r"(?<!\\)\]\(", body)
    assert "://" not in body
    assert "49" not in re.findall(r"\{\{ (.*?) \}\}", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", text)
    # What begins a line, and so what kind of block it is, no name changes.
    kinds = [[re.match(r"\W*", line)[0] for line in page.splitlines()] for page in (plain, body)]
    assert len(kinds[0]) == len(kinds[1])
    assert [kind[:1] for kind in kinds[0]] == [kind[:1] for kind in kinds[1]]


def test_text_is_shown_as_it_is():
    assert escaped("a_b *c* <d> & e|f") == r"a\_b \*c\* &lt;d&gt; &amp; e\|f"
    assert escaped("- one\n2. two") == r"\- one 2. two"
    assert escaped("12. twelve") == r"12\. twelve"
    assert escaped("0.5 and a-b") == "0.5 and a-b"
    assert escaped("https://www.a.org b@c") == "https&#58;//www&#46;a.org b&#64;c"
    assert escaped("\x07") == r"\\u0007"


def test_a_fence_is_longer_than_what_it_holds():
    assert fenced("a ``` b\n````") == "`````text\na ``` b\n````\n`````"


@pytest.mark.parametrize("value", [0.5, -0.25, 1e-7, 3e22, 1.0, 0.0])
def test_numbers_and_strings_of_yaml_come_back(value):
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(numeral(value)) == value
    assert isinstance(yaml.safe_load(numeral(value)), float)
    assert yaml.safe_load(quoted(HOSTILE + "😀")) == HOSTILE + "😀"


def test_scores_stand_in_both_with_their_intervals(tmp_path):
    results = example_results.segmentation()
    card, checklist = card_of(results, tmp_path), checklist_of(results, tmp_path)
    for arm in results.arms:
        for row in arm.rows:
            low, high = (f"{end:.3f}" if row.metric == "dice" else "" for end in row.interval)
            assert f"{low} to {high}" in card
            assert f"{low} to {high}" in checklist
    for each in results.comparisons:
        assert f"+{each.difference:.3f}" in card


def test_a_score_without_interval_says_why(tmp_path):
    results = example_results.segmentation()
    why = "only 2 test patients: too few"
    arms = [
        arm.model_copy(
            update={"rows": tuple(row.model_copy(update={"interval": None, "why": why}) for row in arm.rows)}
        )
        for arm in results.arms
    ]
    results = results.model_copy(update={"arms": tuple(arms)})
    for text in (card_of(results, tmp_path), checklist_of(results, tmp_path)):
        assert "(no interval)" in text
        assert f"Dice of liver, HD95 of liver, Dice of tumour, HD95 of tumour: {why}" in text


def test_what_is_not_defined_is_no_result(tmp_path):
    rows = (
        Row(label="liver", metric="dice", value=None, patients=3),
        Row(label="tumour", metric="dice", value=math.nan, patients=3),
        Row(label="spleen", metric="dice", value=0.5, patients=3),
    )
    results = example_results.segmentation()
    arm = results.arms[0].model_copy(update={"rows": rows})
    card = card_of(results.model_copy(update={"arms": (arm,), "comparisons": ()}), tmp_path)
    [scored] = metadata_of(card)["model-index"][0]["results"]
    assert [score["name"] for score in scored["metrics"]] == ["Dice of spleen"]
    assert card.count("not defined |") == 2


def test_what_makes_scores_doubtful_comes_first(tmp_path):
    results = example_results.classification()
    for text in (card_of(results, tmp_path), checklist_of(results, tmp_path)):
        for warning in ("> **Transductive", "> **Virtual or synthetic test cases: 112"):
            assert text.index(warning) < text.index("\n## ")
    plain = example_results.segmentation()
    for text in (card_of(plain, tmp_path), checklist_of(plain, tmp_path)):
        assert "> **" not in text


def test_the_digest_of_the_weights_is_told_or_missed(tmp_path):
    results = example_results.segmentation()
    assert "the record has no digest of these weights" in card_of(results, tmp_path)
    arm = results.arms[0].model_copy(update={"digest": "ab12" * 16})
    card = card_of(results.model_copy(update={"arms": (arm,)}), tmp_path)
    assert f"SHA-256 of these weights: {'ab12' * 16}" in card
    assert "no digest of these weights" not in card


def test_the_card_names_the_files_of_weights_that_it_is_of(tmp_path):
    results = example_results.segmentation()
    assert "The record has no digest of them." in card_of(results, tmp_path)
    arm = results.arms[0]
    runs = tuple(run.model_copy(update={"digest": f"{n:064x}"}) for n, run in enumerate(arm.runs, 1))
    arms = (arm.model_copy(update={"runs": runs}), *results.arms[1:])
    card = card_of(results.model_copy(update={"arms": arms}), tmp_path)
    assert "The record has no digest of them." not in card
    for run in runs:
        (line,) = [line for line in card.splitlines() if run.digest in line]
        assert line.startswith(f"| {run.seed} |")


def test_only_an_author_knows_what_the_record_does_not(tmp_path):
    for name in MAKERS:
        results = MAKERS[name]()
        answers = answers_of(results)
        for number in (2, 3, 4, 5, 6, 8, 11, 13, 14, 15, 16, 17, 18, 21, 31, 34, 41, 44):
            assert answers[number] is None
            assert re.search(
                rf"^\| {number} \| .* \| \| \| author \|$", checklist_of(results, tmp_path), re.M
            )
    assert "**Developed by:** to be filled in by the author" in card_of(example_results.detection(), tmp_path)


def test_items_are_numbered_as_published():
    numbers = [number for items in ITEMS.values() for number, _ in items]
    assert numbers == list(range(1, 45))


def test_a_case_on_two_sides_is_told():
    results = example_results.segmentation()
    assert "No name of a case is on two sides" in answers_of(results)[20].text
    side = results.splits[0].model_copy(update={"train": results.splits[0].test[:2]})
    mixed = results.model_copy(update={"splits": (side,)})
    assert "But 2 names of cases are on two sides" in answers_of(mixed)[20].text


def test_the_worst_case_is_named():
    results = example_results.segmentation()
    cases = [case for case in results.arms[0].cases if case.label == "tumour"]
    worst = min(cases, key=lambda case: case.values["dice"])
    assert f"tumour: {worst.case} ({worst.values['dice']:.3g})" in answers_of(results)[39].text


def test_records_of_format_1_show_what_their_task_has(tmp_path):
    stored = json.loads(example_results.segmentation().model_dump_json())
    stored["format"] = 1
    stored["protocol"] |= {"target": "liver", "views": "frontal", "uncertain": "ones"}
    stored["recipe"] |= {"training": {"epochs": 240}, "candidates": {"crop": 64}}
    for arm in stored["arms"]:
        del arm["digest"]
        for run in arm["runs"]:
            del run["validation_patients"], run["steps"]
    for metric in stored["metrics"]:
        del metric["definition"], metric["summary"], metric["detail"]
    del stored["validation_patients"], stored["subgroups"]
    (tmp_path / "results.json").write_text(json.dumps(stored), encoding="utf-8")
    results = load_results(tmp_path)
    assert isinstance(results, Results)
    card, checklist = card_of(results, tmp_path), checklist_of(results, tmp_path)
    assert "| target | liver |" in card
    for other in ("frontal", "training.epochs", "candidates.crop"):
        assert other not in card
        assert other not in checklist
    assert "validation not recorded" in card
    assert "The record does not say how its metrics are defined, as it is of format 1." in card
    assert answers_of(results)[28].author
    assert answers_of(results)[12] is None


def test_an_end_point_of_another_kind_has_no_name_of_the_hub(tmp_path):
    results = example_results.record(metrics=(Metric(name="c_index", title="C-index", main=True),))
    assert metadata_of(card_of(results, tmp_path))["tags"] == ["medical-imaging", "self-supervised-learning"]
