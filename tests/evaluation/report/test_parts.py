"""Parts of the report: who is best, pictures, curves over fractions, axes and numbers."""

import base64

import pytest

from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import Line, Subgroup
from pcrl.evaluation.report import write_curve_report
from pcrl.evaluation.report.figures.axes import linear
from pcrl.evaluation.report.figures.fractions import arm_numbers, fraction_figure
from pcrl.evaluation.report.figures.lines import read_off
from pcrl.evaluation.report.figures.patients import patients_figure
from pcrl.evaluation.report.numbers import duration, number, p_value
from pcrl.evaluation.report.tables.cases import MOST_ROWS
from pcrl.evaluation.report.tables.comparisons import explained
from pcrl.evaluation.report.tables.headline import headline
from pcrl.evaluation.report.tables.seeds import seed_table
from pcrl.evaluation.run.points import differences_of, points_of
from pcrl.evaluation.statistics.inference.estimate import ONE_TRAINING
from tests.helpers import example_results
from tests.helpers.report_page import Page, page_of


def test_best_is_said_only_of_what_is_surely_better():
    results = example_results.classification()
    rows = {row.label: row for row in headline(results) if row.metric == "AUROC"}
    assert rows["mean"].cells[0].better_than == ("from scratch",)
    assert not any(cell.better_than for label, row in rows.items() if label != "mean" for cell in row.cells)
    hidden = results.model_copy(
        update={"comparisons": tuple(c.model_copy(update={"p_holm": 0.051}) for c in results.comparisons)}
    )
    assert not any(cell.better_than for row in headline(hidden) for cell in row.cells)


def test_only_rows_of_its_own_test_set_are_the_end_point():
    results = example_results.classification()
    assert any(row.main for row in headline(results))
    arms = [
        arm.model_copy(update={"rows": tuple(row.model_copy(update={"beside": True}) for row in arm.rows)})
        for arm in results.arms
    ]
    assert not any(row.main for row in headline(results.model_copy(update={"arms": tuple(arms)})))


def test_labelled_patients_are_counted_in_all_and_subgroups_shown(tmp_path):
    results = example_results.classification()
    group = {
        "part": "",
        "variable": "sex",
        "label": "Edema",
        "metric": results.main.name,
        "images": 9,
        "patients": 8,
    }
    few = Subgroup(
        arm=results.arms[0].name, group="female", value=None, interval=None, positives=1, negatives=8, **group
    )
    enough = few.model_copy(update={"group": "male", "value": 0.8125, "interval": (0.7, 0.9)})
    without = few.model_copy(update={"group": "not stated", "value": 0.75, "why": "too few patients"})
    page = page_of(results.model_copy(update={"subgroups": (few, enough, without)}), tmp_path)
    assert "sex not stated, Edema: too few patients." in page.texts
    assert "Labelled patients used in all: 21, 19 to train and 2 to validate" in page.text
    assert {"female", "male", "1 positives, 8 negatives", "0.812", "0.700 to 0.900"} <= set(page.texts)
    assert "subgroups" in {attributes.get("id") for _, attributes in page.elements}
    earlier = results.model_copy(update={"validation_patients": None})
    assert "Labelled patients used in all" not in page_of(earlier, tmp_path / "earlier").text


def test_a_curve_is_drawn_by_all_labelled_patients_where_they_are_known():
    metrics = {"dice": example_results.DICE}
    points = example_results.curve()
    drawn = "".join(fraction_figure(points, arm_numbers(points), metrics))
    assert "labelled patients, training and validation" in drawn
    assert ", 46 patients: " in drawn
    unknown = [point.model_copy(update={"labelled_patients": None}) for point in points]
    drawn = "".join(fraction_figure(unknown, arm_numbers(points), metrics))
    assert "labelled training patients" in drawn
    assert ", 41 patients: " in drawn


def test_where_lower_is_better_the_lower_is_best():
    results = example_results.segmentation()
    comparison = results.comparisons[0].model_copy(
        update={
            "metric": "hd95",
            "minus": "from scratch",
            "difference": -2.0,
            "interval": (-3.0, -1.0),
            "p_holm": 0.01,
        }
    )
    rows = headline(results.model_copy(update={"comparisons": (comparison,)}))
    assert {(r.label, r.metric): r.cells[0].better_than for r in rows if r.cells[0].better_than} == {
        ("liver", "HD95 (mm)"): ("from scratch",)
    }


def one_training(results):
    """The same evaluation as it would be with the first seed alone."""
    arms = tuple(
        arm.model_copy(
            update={
                "runs": tuple(run for run in arm.runs if run.seed == 0),
                "rows": tuple(row.model_copy(update={"by_seed": {0: row.value}}) for row in arm.rows),
            }
        )
        for arm in results.arms
    )
    alone = {"interval": None, "p": None, "p_holm": None, "why": ONE_TRAINING}
    comparisons = tuple(
        each.model_copy(update={**alone, "by_seed": {0: each.difference}}) for each in results.comparisons
    )
    return results.model_copy(update={"arms": arms, "comparisons": comparisons})


def test_with_one_training_nobody_is_better_and_chance_is_named(tmp_path):
    results = one_training(example_results.segmentation())
    text = page_of(results, tmp_path).text
    assert text.count("one training: differences of this size come by chance") == len(results.comparisons)
    assert "There is no interval and no p; train with several seeds" in text
    assert "No arm is marked as best" in text
    assert "over patients, of this one training" in text
    assert "Every seed" not in text
    assert not any(cell.better_than for row in headline(results) for cell in row.cells)


def test_with_several_seeds_each_is_shown_and_holm_beside_p(tmp_path):
    results = example_results.segmentation()
    text = page_of(results, tmp_path).text
    for each in results.comparisons:
        shown = ", ".join(number(value, 3, sign=True) for value in each.by_seed.values())
        assert shown in text
        assert p_value(each.p_holm) in text
    assert "come by chance" not in text
    for row in seed_table(results):
        assert len(row.values) == 2
        assert row.mean[0] in text
        assert all(shown in text for shown, _ in row.values)
    assert len(seed_table(results)) == sum(len(arm.rows) for arm in results.arms)


def test_why_a_score_has_no_interval_is_said_once_for_all_scores_of_that_reason(tmp_path):
    results = example_results.segmentation()
    arms = tuple(
        arm.model_copy(
            update={
                "rows": tuple(r.model_copy(update={"interval": None, "why": "too few"}) for r in arm.rows)
            }
        )
        for arm in results.arms
    )
    text = page_of(results.model_copy(update={"arms": arms}), tmp_path).text
    assert text.count("Dice of liver, HD95 of liver, Dice of tumour, HD95 of tumour: too few.") == 1


def test_pictures_are_embedded_as_they_are(tmp_path):
    results = example_results.segmentation(tmp_path)
    page = page_of(results, tmp_path)
    sources = [attributes["src"] for attributes in page.all("img")]
    stored = {base64.b64decode(source.partition(",")[2]) for source in sources}
    assert stored == {(tmp_path / picture.file).read_bytes() for picture in results.pictures[:-1]}
    assert {source.partition(";")[0] for source in sources} == {"data:image/png", "data:image/jpeg"}
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert f"{results.pictures[-1].file} cannot be read" in page.text


def test_only_pictures_of_the_folder_are_embedded(tmp_path):
    folder = tmp_path / "evaluation"
    results = example_results.segmentation(folder)
    (tmp_path / "outside.png").write_bytes(example_results.png())
    (folder / "text.png").write_text("not a picture", encoding="utf-8")
    one, two = (
        results.pictures[n].model_copy(update={"file": file})
        for n, file in enumerate(("../outside.png", "text.png"))
    )
    page = page_of(results.model_copy(update={"pictures": (one, two)}), folder)
    assert not page.all("img")
    assert "outside of the evaluation's folder" in page.text
    assert "neither JPEG nor PNG" in page.text


def test_many_cases_are_cut_and_said_so(tmp_path):
    page = page_of(example_results.classification(), tmp_path)
    assert f"The first {MOST_ROWS} of 3375 rows are shown; cases.csv holds the rest." in page.text


def test_tables_have_captions_and_heads(tmp_path):
    page = page_of(example_results.segmentation(), tmp_path, curve=example_results.curve())
    assert len(page.all("table")) == len(page.all("caption")) == len(page.all("thead"))
    assert all("scope" in attributes for attributes in page.all("th"))
    assert all(a.get("role") == "img" or a.get("aria-hidden") == "true" for a in page.all("svg"))


def test_a_curve_links_its_evaluations(tmp_path):
    hostile = example_results.curve()[0].model_copy(
        update={"folder": "javascript:alert(1)", "arm": example_results.HOSTILE}
    )
    remote = example_results.curve()[1].model_copy(update={"folder": "//example.org/x", "transductive": True})
    path = write_curve_report(
        [hostile, remote, *example_results.curve()[2:]],
        tmp_path,
        example_results.HOSTILE,
        metrics=(example_results.DICE,),
    )
    page = Page(path.read_text(encoding="utf-8"))
    links = [attributes["href"] for attributes in page.all("a")]
    assert set(links) >= {
        "javascript%3Aalert%281%29/report.html",
        "/example.org/x/report.html",
        "../lits%200.1/report.html",
    }
    assert len(page.all("script")) == 1
    assert "TRANSDUCTIVE" in page.text


def test_a_curve_shows_its_differences_and_what_they_are_corrected_for(tmp_path):
    results = example_results.classification()
    points = points_of(results, 0.1, "x")
    differences = differences_of(results, 0.1, "x")
    path = write_curve_report(points, tmp_path, "curve", differences=differences, metrics=results.metrics)
    text = Page(path.read_text(encoding="utf-8")).text
    assert "corrected for all comparisons along this curve" in text
    for each in differences:
        assert ", ".join(number(v, 3, sign=True) for v in each.comparison.by_seed.values()) in text
    alone = {"p": None, "p_holm": None, "interval": None, "by_seed": {0: 0.1}, "why": ONE_TRAINING}
    single = [
        one.model_copy(update={"comparison": one.comparison.model_copy(update=alone)}) for one in differences
    ]
    path = write_curve_report(points, tmp_path, "curve", differences=single)
    text = Page(path.read_text(encoding="utf-8")).text
    assert text.count("one training: differences of this size come by chance") == len(single)
    assert "corrected" not in text


def test_a_curve_without_points_and_values(tmp_path):
    undefined = example_results.curve()[0].model_copy(
        update={"value": None, "interval": None, "training_patients": 0}
    )
    for points in ([], [undefined]):
        Page(write_curve_report(points, tmp_path, "empty").read_text(encoding="utf-8"))


def test_sensitivity_is_read_off_as_in_luna16():
    line = Line(kind="froc", arm="a", label="nodule", x=(0.2, 1.0, 3.0), y=(0.2, 0.6, 0.8))
    assert read_off(line, (0.125, 0.25, 0.5, 1, 2, 4, 8)) == [
        (0.25, pytest.approx(0.225)), (0.5, pytest.approx(0.35)), (1, pytest.approx(0.6)),
        (2, pytest.approx(0.7)), (4, pytest.approx(0.8)), (8, pytest.approx(0.8)),
    ]  # fmt: skip


def test_numbers():
    assert number(-0.12345, 3) == "−0.123"
    assert number(-0.0001, 3) == "0.000"
    assert number(0.5, 2, sign=True) == "+0.50"
    assert number(float("nan"), 3) == number(None, 3) == "–"
    assert (p_value(0.0002), p_value(0.05), p_value(None)) == ("< 0.001", "0.050", "–")
    assert [duration(s) for s in (3.21, 42, 90, 4000)] == ["3.2 s", "42 s", "1.5 min", "1 h 6 min"]


@pytest.mark.parametrize(
    "values", [[], [0.5], [0.0], [0.81, 0.8100001], [-3, 1e6], [float("nan"), 2.0], [1e-9, 2e-9]]
)
def test_axes_hold_all_values(values):  # fmt: skip
    axis = linear(values, "")
    there = [value for value in values if value == value]
    assert axis.low < axis.high
    assert all(axis.low <= value <= axis.high for value in there)
    assert 2 <= len(axis.ticks) <= 12
    assert len({tick.text for tick in axis.ticks}) == len(axis.ticks)


def with_metrics(results, **changes):
    """The same results, whose first metric says more of itself."""
    first, *others = results.metrics
    return results.model_copy(update={"metrics": (first.model_copy(update=changes), *others)})


def test_the_axis_of_a_score_ends_where_the_score_does():
    results = example_results.classification()
    arms = tuple(
        arm.model_copy(
            update={
                "rows": tuple(
                    row.model_copy(update={"value": 1.0, "interval": (1.0, 1.0)}) for row in arm.rows
                )
            }
        )
        for arm in results.arms
    )
    results = results.model_copy(update={"arms": arms})
    for within, beyond in ((None, True), ((0, 1), False)):
        panel = patients_figure(with_metrics(results, within=within))[0]
        assert (">1.10<" in panel) == beyond
    assert linear([0.91, 1.0, 1.0], "AUROC", within=(0, 1)).high == 1.0
    assert linear([1.0, 1.0], "AUROC", within=(0, 1)).high == 1.0
    assert linear([1.0, 1.0], "AUROC").high > 1.0


def test_metrics_say_how_they_are_defined_and_details_have_a_table_of_their_own(tmp_path):
    results = example_results.classification()
    auroc, brier = results.metrics
    brier = brier.model_copy(update={"detail": True})
    auroc = auroc.model_copy(update={"definition": "The chance that a positive scores higher."})
    page = page_of(results.model_copy(update={"metrics": (auroc, brier)}), tmp_path)
    assert "The chance that a positive scores higher." in page.text
    assert "How the metrics are defined" in page.text
    labelled = [attributes.get("aria-label") for attributes in page.all("div")]
    assert labelled.count("Operating points and calibration") == 1
    point = brier.model_copy(update={"title": "Sensitivity at the operating point"})
    page = page_of(results.model_copy(update={"metrics": (auroc, point)}), tmp_path)
    assert [attributes.get("aria-label") for attributes in page.all("div")].count("Operating points") == 1
    without = page_of(results, tmp_path)
    assert "How the metrics are defined" not in without.text
    assert "Operating points" not in without.text


def test_of_a_slope_the_nearer_to_one_the_better_and_a_median_is_called_so(tmp_path):
    results = with_metrics(example_results.classification(), better="nearer", ideal=1.0, main=True)
    rows = headline(results)
    assert {row.arrow for row in rows if row.metric == "AUROC"} == {"→ 1"}
    assert not any(cell.better_than for row in rows for cell in row.cells)
    assert "the nearer to 1 the better" in {row.better for row in rows}
    compared = with_metrics(example_results.classification(), better="neither", main=True)
    assert {row.arrow for row in headline(compared) if row.metric == "AUROC"} == {""}
    results = with_metrics(example_results.segmentation(), summary="median", unit="mm")
    text = page_of(results, tmp_path).text
    assert "Dice (median, mm)" in text
    # Of a single case it is none.
    assert "Dice (mm)" in text.partition("Every case")[2]


def test_counts_of_what_was_missed_stand_beside_the_score(tmp_path):
    results = example_results.segmentation()
    first, *others = results.arms
    counts = {"predictions": 36, "missed entirely": 12}
    rows = (first.rows[0].model_copy(update={"counts": counts}), *first.rows[1:])
    results = results.model_copy(update={"arms": (first.model_copy(update={"rows": rows}), *others)})
    assert "36 predictions, 12 missed entirely" in page_of(results, tmp_path).text


def test_counts_stand_beside_the_points_of_a_curve_too(tmp_path):
    first, *others = example_results.curve()
    counts = {"predictions": 36, "missed entirely": 12}
    points = [first.model_copy(update={"counts": counts}), *others]
    page = Page(write_curve_report(points, tmp_path, "curve").read_text(encoding="utf-8"))
    assert page.text.count("36 predictions, 12 missed entirely") == 1
    assert CurvePoint.model_validate_json(first.model_dump_json(exclude={"counts"})).counts == {}


def test_it_is_said_of_which_comparisons_a_family_is():
    results = example_results.classification()
    assert "corrected for all comparisons of this table" in explained(results)[0]
    first, *others = results.comparisons
    marked = first.model_copy(update={"label": "mean (valid)", "beside": True})
    how, beside, *_ = explained(results.model_copy(update={"comparisons": (marked, *others)}))
    assert "corrected for all comparisons of the same test set in this table" in how
    assert "a family of their own" in beside
