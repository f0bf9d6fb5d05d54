"""What the transfer benchmark reckons with: areas, Holm's correction, paired differences, the verdict's rule."""

from dataclasses import replace

import numpy as np
import pytest
from transferring.settings import BUDGETS, RATES, recipe
from transferring.statistics import area, compare, holm
from transferring.summary import summarise

BUDGET = replace(BUDGETS["quick"], labels=(1, 2), test=12, pretraining_seeds=2, finetuning_seeds=2)


def test_holm_and_area_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    curves = np.array([[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]])
    assert area((1, 2, 4), curves) == pytest.approx([0.5, 1.0])


def test_differences_are_of_patients():
    rng = np.random.default_rng(0)
    second = rng.uniform(0.3, 0.6, 20)
    found = compare(second + 0.1, second)
    assert (found.mean, found.low, found.high, found.higher) == (pytest.approx(0.1),) * 3 + (20,)
    assert found.p < 1e-3


def means(gain, permuted=0.0):
    """Dice of 12 patients by arm, number of labels, and seeds: arms with weights gain over those without."""
    rng = np.random.default_rng(1)
    base = rng.uniform(0.3, 0.6, 12)

    def runs(more, starts=2):
        return {
            count: {
                f"{start}-{seed}": base + more + rng.normal(0, 0.005, 12)
                for start in range(starts)
                for seed in (0, 1)
            }
            for count in BUDGET.labels
        }

    return {
        "pre-trained": runs(gain), "from scratch": runs(0.0, 1), "from scratch, plateau": runs(0.1, 1),
        "permuted": runs(permuted), "restoration only": runs(gain), "comparison only": runs(0.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "permuted", "said"),
    [
        (0.05, 0.0, "pre-training helps here"),
        (0.05, 0.05, "but not than permuted weights"),
        (0.0, 0.0, "no help shown here"),
        (-0.05, 0.0, "pre-training harms here"),
    ],
)
def test_the_verdict_follows_the_rule_of_the_protocol(gain, permuted, said):
    summary = summarise(means(gain, permuted), BUDGET)
    assert said in summary.verdict()
    assert summary.differences["pre-trained", "from scratch"].mean == pytest.approx(gain, abs=0.01)
    assert len(summary.by_pretraining["pre-trained", "from scratch"]) == 2
    assert summary.by_tuning["pre-trained", "from scratch"] == pytest.approx([gain, gain], abs=0.01)


def test_no_help_is_shown_where_a_seed_of_fine_tuning_disagrees():
    found = means(0.05)
    for runs in found["pre-trained"].values():
        for run in runs:
            if run.endswith("-1"):
                runs[run] = runs[run] - 0.06
    summary = summarise(found, BUDGET)
    assert summary.differences["pre-trained", "from scratch"].low > 0.01
    assert summary.by_tuning["pre-trained", "from scratch"] == pytest.approx([0.05, -0.01], abs=0.01)
    assert "no help shown here" in summary.verdict()


def test_single_objectives_take_away_only_the_other_part():
    budget = BUDGETS["cpu"]
    whole, restoration, comparison = (recipe(budget, name) for name in ("both", "restoration", "comparison"))
    assert restoration.objective.restoration == whole.objective.restoration > 0
    assert restoration.objective.global_cosine == restoration.objective.local_cosine == 0
    assert comparison.objective.global_cosine == whole.objective.global_cosine > 0
    assert comparison.objective.restoration == comparison.objective.mid_restoration == 0
    assert whole.model.width == 16
    assert whole.views.global_shape == (16, 32, 32)
    assert len(RATES) == len(set(RATES)) == 2
