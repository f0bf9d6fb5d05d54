"""CSV tables hold what `results.json` holds, to the last digit."""

import csv
import json

import pytest

from pcrl.evaluation.records.results import Subgroup, save_results
from pcrl.evaluation.run.tables import write_subgroups, write_tables
from tests.helpers import example_results


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(text):
    return None if text == "" else float(text)


LABELLED = ("training_patients", "validation_patients", "labelled_patients")


def labelled(stored):
    """Patients who train, who validate, and all of them; the last two are not known of earlier evaluations."""
    train, validate = stored["training_patients"], stored["validation_patients"]
    return train, validate, None if validate is None else train + validate


@pytest.mark.parametrize(
    "make",
    [
        example_results.segmentation,
        example_results.classification,
        example_results.detection,
        example_results.tiny,
    ],
)
def test_numbers_are_those_of_the_results(tmp_path, make):
    results = make()
    save_results(results, tmp_path)
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    scores, seeds, cases, comparisons, runs = map(read, write_tables(results, tmp_path))
    arms = stored["arms"]
    assert [tuple(r.values())[:3] for r in scores] == [
        (a["name"], r["label"], r["metric"]) for a in arms for r in a["rows"]
    ]
    columns = ("value", "sd", "low", "high", "patients", "seeds", "transductive", "virtual", *LABELLED)
    assert [(*(number(r[name]) for name in columns), r["why"]) for r in scores] == [
        (
            *(r["value"], r["sd"], *(r["interval"] or (None, None)), r["patients"], len(r["by_seed"])),
            *(int(stored["transductive"]), stored["virtual"], *labelled(stored), r["why"]),
        )
        for a in arms
        for r in a["rows"]
    ]
    assert [r["counts"] for r in scores] == [
        ", ".join(f"{count} {name}" for name, count in r["counts"].items()) for a in arms for r in a["rows"]
    ]
    assert [
        (r["arm"], r["case"], r["patient"], r["virtual"] == "1", r["label"], r["metric"], number(r["value"]))
        for r in cases
    ] == [
        (a["name"], c["case"], c["patient"], c["virtual"], c["label"], metric, value)
        for a in arms
        for c in a["cases"]
        for metric, value in c["values"].items()
    ]
    restricted = (str(int(stored["transductive"])), str(stored["virtual"]))
    assert {(r["transductive"], r["virtual"]) for r in (*scores, *comparisons)} == {restricted}
    columns = ("difference", "low", "high", "p", "p_holm", "seeds")
    assert [tuple(number(r[name]) for name in columns) for r in comparisons] == [
        (c["difference"], *(c["interval"] or (None, None)), c["p"], c["p_holm"], len(c["by_seed"]))
        for c in stored["comparisons"]
    ]
    assert [
        (r["arm"], r["minus"], r["label"], r["metric"], r["seed"], number(r["value"])) for r in seeds
    ] == [
        *(
            (a["name"], "", r["label"], r["metric"], seed, value)
            for a in arms
            for r in a["rows"]
            for seed, value in r["by_seed"].items()
        ),
        *(
            (c["arm"], c["minus"], c["label"], c["metric"], seed, value)
            for c in stored["comparisons"]
            for seed, value in c["by_seed"].items()
        ),
    ]
    assert [
        (r["arm"], int(r["seed"]), number(r["fold"]), float(r["seconds"]), r["folder"]) for r in runs
    ] == [(a["name"], r["seed"], r["fold"], r["seconds"], r["folder"]) for a in arms for r in a["runs"]]
    assert [r["digest"] for r in runs] == [r["digest"] or "" for a in arms for r in a["runs"]]
    for lines, counted in (
        (comparisons, [stored] * len(comparisons)),
        (seeds, [stored] * len(seeds)),
        (cases, [stored] * len(cases)),
        (runs, [r for a in arms for r in a["runs"]]),
    ):
        assert [tuple(number(line[name]) for name in LABELLED) for line in lines] == list(
            map(labelled, counted)
        )


def test_rates_are_told_with_their_scores(tmp_path):
    results = example_results.segmentation()
    run = results.arms[0].runs[0]
    line = read(write_tables(results, tmp_path)[4])[0]
    assert line["rates_tried"] == " ".join(f"{rate}={score!r}" for rate, score in run.rates_tried.items())
    assert (line["epochs"], line["chosen_epoch"]) == (str(len(run.losses)), str(run.chosen_epoch))


def test_subgroups_are_counted_and_say_why_they_have_no_interval(tmp_path):
    results = example_results.classification()
    assert write_subgroups(results, tmp_path) is None
    group = Subgroup(
        arm="scratch", part="valid", variable="sex", group="female", label="Edema", metric="auroc", value=0.75,
        interval=None, why="too few", images=30, patients=15, positives=9, negatives=21,
    )  # fmt: skip
    (line,) = read(write_subgroups(results.model_copy(update={"subgroups": (group,)}), tmp_path))
    assert [
        line[name] for name in ("set", "group", "value", "low", "high", "why", "images", "negatives")
    ] == [*("valid", "female", "0.75", "", "", "too few", "30", "21")]
    assert tuple(int(line[name]) for name in LABELLED) == labelled(results.model_dump())


def test_a_table_is_replaced_whole(tmp_path):
    write_tables(example_results.segmentation(), tmp_path)
    paths = write_tables(example_results.tiny(), tmp_path)
    assert [path.name for path in paths] == [
        "scores.csv",
        "seeds.csv",
        "cases.csv",
        "comparisons.csv",
        "runs.csv",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    assert len(read(paths[0])) == 1
