"""Does pre-training help? Three tiers, never pooled; the rules were fixed beforehand in docs/transfer-protocol.md.

python benchmarks/transfer.py            # an hour on two cores, nothing else running; killed, it goes on
python benchmarks/transfer.py --quick    # everything, tiny, in two minutes: it shows only that all runs
python benchmarks/transfer.py --device cuda
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from table import RESULTS
from transferring import cohorts, diagnosis, real, real_labels, real_probe
from transferring.figure import draw
from transferring.helper import HELPING, help_out, helped
from transferring.labels import Comparison
from transferring.ledger import LOG, Ledger
from transferring.pretraining import pretrain, random_state
from transferring.report import report
from transferring.settings import BUDGETS, OBJECTIVES, Budget, recipe
from transferring.summary import summarise
from transferring.tuning import Volume, volumes

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.cache import Cache
from pcrl.evaluation.arms.arm import State, permuted

DATA = Path(__file__).parent / "data"
FIGURE = Path(__file__).parents[1] / "docs/transfer.png"


def main() -> None:
    """Run what is not done yet, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--work", type=Path, help="where runs are kept [default: benchmarks/data/transfer-PRESET]"
    )
    parser.add_argument(
        "--sample", type=Path, default=DATA / "sample", help="where `pcrl sample` put its scans"
    )
    parser.add_argument(HELPING, action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    preset = "quick" if given.quick else given.device
    budget, device = BUDGETS[preset], torch.device(given.device)
    work = given.work or DATA / f"transfer-{preset}"
    ledger = Ledger(work, budget)
    cache = cohorts.make(work / "patients", budget, recipe(budget))
    developed = cohorts.cases(cache, "tuning", "train")
    tuning = [volumes(developed), volumes(cohorts.cases(cache, "tuning", "test"))]

    patients = real.load_real(work, given.sample, recipe(budget))
    if given.helping:
        help_out()
    with helped(not given.helping and given.device == "cpu" and len(os.sched_getaffinity(0)) > 1):
        pretrained = ledger.together(lambda: _pretrained(cache, budget, ledger, work, device))
        if len(pretrained) < len(OBJECTIVES) * budget.pretraining_seeds:
            raise SystemExit("Without all pre-trainings there is nothing to compare.")
        settings = recipe(budget)
        signs = ledger.together(lambda: _signs(pretrained, settings, tuning, budget, ledger))
        comparison = Comparison(pretrained, settings, budget, ledger, device)
        rates = ledger.together(lambda: comparison.rates(developed, tuning[1]))
        pool, test = (cohorts.cases(cache, "transfer", split) for split in ("train", "test"))
        tested = volumes(test)
        means = ledger.together(lambda: comparison.curves(pool, tested, rates))
        states = real_probe.states(pretrained, settings, budget)
        probed = ledger.together(lambda: real_probe.probe_real(patients, states, settings, budget, ledger))
        ended = ledger.together(
            lambda: real_labels.end_to_end(patients, pretrained, settings, rates, budget, ledger, device)
        )
    if given.helping:
        return
    summary = summarise(means, budget)
    folder = work if given.quick else RESULTS
    report(summary, rates, signs, probed, ended, ledger.tally(), budget, folder)
    draw(summary, work / FIGURE.name if given.quick else FIGURE)
    if not given.quick:
        shutil.copy(work / LOG, RESULTS / "transfer-log.jsonl")


def _pretrained(
    cache: Cache, budget: Budget, ledger: Ledger, work: Path, device: torch.device
) -> dict[tuple[str, int], State]:
    """The weights of every objective and seed; those that are not there yet are left out."""
    found, dataset = {}, cohorts.SETS["pretraining"].lower()
    for objective in OBJECTIVES:
        for seed in range(budget.pretraining_seeds):
            settings, out = recipe(budget, objective, seed), work / "pretraining" / f"{objective}-{seed}"

            def work_of(settings: VolumeRecipe = settings, out: Path = out) -> dict[str, bool]:
                return {"done": bool(pretrain(cache, dataset, settings, out, device))}

            if ledger.do(f"pretraining/{objective}/seed-{seed}", work_of) is not None:
                # Done: this only reads it.
                found[objective, seed] = pretrain(cache, dataset, settings, out, device)
    return found


def _signs(
    pretrained: Mapping[tuple[str, int], State],
    settings: VolumeRecipe,
    tuning: Sequence[Sequence[Volume]],
    budget: Budget,
    ledger: Ledger,
) -> dict[str, Any]:
    """Signs of life of every objective, first seed, beside permuted and random weights."""
    found = {}
    for objective in OBJECTIVES:
        state = pretrained[objective, 0]
        weights = {"weights": state, "permuted": permuted(state, 1), "random": random_state(settings, 100)}

        def work_of(state: State = state, weights: dict[str, State] = weights) -> dict[str, Any]:
            return {
                "restoration": diagnosis.restoration(state, settings, [one.case for one in tuning[1]]),
                "organs": diagnosis.organs(weights, settings, *tuning, budget.probe_steps),
            }

        result = ledger.do(f"diagnosis/{objective}", work_of)
        if result is not None:
            found[objective] = result
    return found


if __name__ == "__main__":
    main()
