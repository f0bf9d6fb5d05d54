"""The record of an evaluation on disk."""

import json

from pcrl.evaluation.records.results import EARLIER, RESULTS, load_results, save_results
from tests.helpers import example_results


def test_what_is_saved_is_read(tmp_path):
    results = example_results.classification()
    save_results(results, tmp_path)
    assert load_results(tmp_path) == results


def test_tests_over_patients_alone_of_earlier_versions_are_left_out(tmp_path):
    save_results(example_results.classification(), tmp_path)
    stored = json.loads((tmp_path / RESULTS).read_text(encoding="utf-8"))
    for each in stored["comparisons"]:
        for name in ("by_seed", "p_holm", "why"):
            del each[name]
    for arm in stored["arms"]:
        for row in arm["rows"]:
            del row["by_seed"], row["why"]
    (tmp_path / RESULTS).write_text(json.dumps(stored), encoding="utf-8")
    found = load_results(tmp_path)
    assert {(one.p, one.p_holm, one.interval, one.why) for one in found.comparisons} == {
        (None, None, None, EARLIER)
    }
    before = [each["difference"] for each in stored["comparisons"]]
    assert [one.difference for one in found.comparisons] == before
