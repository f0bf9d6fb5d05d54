"""Does pre-training help? Three tiers, never pooled; the rules were fixed beforehand in docs/transfer-protocol.md.

python benchmarks/transfer.py            # an hour on two cores, nothing else running; killed, it goes on
python benchmarks/transfer.py --quick    # everything, tiny, in two minutes: it shows only that all runs
python benchmarks/transfer.py --device cuda
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from table import RESULTS
from transferring import cohorts, diagnosis, real, real_labels, real_probe
from transferring.figure import draw
from transferring.labels import Comparison
from transferring.ledger import LOG, Ledger
from transferring.pretraining import pretrain, random_state
from transferring.report import report
from transferring.settings import BUDGETS, OBJECTIVES, recipe
from transferring.summary import summarise
from transferring.tuning import volumes

from pcrl.evaluation.arms import State, permuted

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
    given = parser.parse_args()
    preset = "quick" if given.quick else given.device
    budget, device = BUDGETS[preset], torch.device(given.device)
    work = given.work or DATA / f"transfer-{preset}"
    ledger = Ledger(work, budget)
    cache = cohorts.make(work / "patients", budget, recipe(budget))
    developed = cohorts.cases(cache, "tuning", "train")
    tuning = [volumes(developed), volumes(cohorts.cases(cache, "tuning", "test"))]

    pretrained: dict[tuple[str, int], State] = {}
    for objective in OBJECTIVES:
        for seed in range(budget.pretraining_seeds):
            settings, out = recipe(budget, objective, seed), work / "pretraining" / f"{objective}-{seed}"
            dataset = cohorts.SETS["pretraining"].lower()
            done = ledger.do(
                f"pretraining/{objective}/seed-{seed}",
                lambda s=settings, o=out, d=dataset: {"done": bool(pretrain(cache, d, s, o, device))},
            )
            if done is None:
                raise SystemExit("Without this pre-training there is nothing to compare.")
            # Done: this only reads it.
            pretrained[objective, seed] = pretrain(cache, dataset, settings, out, device)

    settings = recipe(budget)
    signs = {}
    for objective in OBJECTIVES:
        state = pretrained[objective, 0]
        controls = {"permuted": permuted(state, 1), "random": random_state(settings, 100)}
        found = ledger.do(
            f"diagnosis/{objective}",
            lambda s=state, c=controls: {
                "restoration": diagnosis.restoration(s, settings, [one.case for one in tuning[1]]),
                "organs": diagnosis.organs({"weights": s} | c, settings, *tuning, budget.probe_steps),
            },
        )
        if found:
            signs[objective] = found

    comparison = Comparison(pretrained, settings, budget, ledger, device)
    rates = comparison.rates(developed, tuning[1])
    pool, test = (cohorts.cases(cache, "transfer", split) for split in ("train", "test"))
    summary = summarise(comparison.curves(pool, volumes(test), rates), budget)

    patients = real.load_real(work, given.sample, settings)
    probed = real_probe.probe_real(
        patients, real_probe.states(pretrained, settings, budget), settings, budget, ledger
    )
    ended = real_labels.end_to_end(patients, pretrained, settings, rates, budget, ledger, device)

    folder = work if given.quick else RESULTS
    report(summary, rates, signs, probed, ended, ledger.tally(), budget, folder)
    draw(summary, work / FIGURE.name if given.quick else FIGURE)
    if not given.quick:
        shutil.copy(work / LOG, RESULTS / "transfer-log.jsonl")


if __name__ == "__main__":
    main()
