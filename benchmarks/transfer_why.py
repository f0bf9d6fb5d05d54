"""Why does pre-training help, or not? On development patients alone, after `transfer.py`: exploratory, no test.

python benchmarks/transfer_why.py --work DIR     # the folder in which transfer.py keeps its runs

Fine-tuning as in tier 1, four labelled patients, three seeds, with the encoder frozen, trained as it is, and trained
after its kernels were brought to the size of fresh ones. Frozen: are features of pre-training better than random ones?
Rescaled: a convolution before a norm says the same at any size, but a step of Adam turns a large kernel less than a
small one. If pre-trained encoders do better rescaled, it was their size that stood in the way.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from table import RESULTS, grid, write
from transferring import cohorts
from transferring.labels import DEVELOPMENT_SEED, TARGET
from transferring.ledger import Ledger
from transferring.pretraining import pretrain, random_state
from transferring.scale import growth, rescaled
from transferring.scoring import patient_means, score
from transferring.settings import BUDGETS, OBJECTIVES, recipe
from transferring.tuning import tune, volumes

from pcrl.evaluation.arms.arm import permuted

LABELLED, SEEDS, RATE = 4, 3, 1e-2
MODES = ("frozen", "trained", "rescaled, trained")


def main() -> None:
    """Run what is not done yet, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    work = parser.parse_args().work
    budget, device = BUDGETS["cpu"], torch.device("cpu")
    settings = recipe(budget)
    ledger = Ledger(work, budget)
    cache = cohorts.make(work / "patients", budget, settings)
    pool, scored = cohorts.cases(cache, "tuning", "train"), volumes(cohorts.cases(cache, "tuning", "test"))
    dataset = cohorts.SETS["pretraining"].lower()
    states = {
        name: pretrain(cache, dataset, recipe(budget, name, 0), work / "pretraining" / f"{name}-0", device)
        for name in OBJECTIVES
    }
    arms = {"random": None, "permuted": permuted(states["both"], 1)} | states
    fresh = random_state(settings, 100)
    rows = []
    for name, state in arms.items():
        cells = []
        for mode in MODES:
            if state is None and mode.startswith("rescaled"):
                cells.append("the same")
                continue
            start = rescaled(state, fresh) if mode.startswith("rescaled") else state
            found = []
            for seed in range(DEVELOPMENT_SEED, DEVELOPMENT_SEED + SEEDS):
                order = np.random.default_rng([seed, 2]).permutation(len(pool))[:LABELLED]

                def work_of(start=start, seed=seed, order=order, frozen=mode == "frozen"):
                    model, losses = tune(
                        start, [pool[n] for n in order], TARGET, settings, budget,
                        rate=RATE, longer=1, seed=seed, device=device, frozen=frozen,
                    )  # fmt: skip
                    return {"losses": losses, "scores": score(model, scored, TARGET, device)}

                result = ledger.do(f"why/{name}/{mode}/seed-{seed}", work_of)
                if result is not None:
                    found.append(patient_means(result["scores"]).mean())
            cells.append(f"{np.mean(found):.3f} ({min(found):.2f} – {max(found):.2f})" if found else "–")
        rows.append([name, f"{growth(state or fresh, fresh):.2f}", *cells])
    write(
        "transfer-why",
        "Why pre-training helps, or does not: development patients, exploratory",
        ["torch", "numpy", "monai"],
        ("encoder", "size of kernels", *(f"{mode}: Dice" for mode in MODES)),
        rows,
        f"{LABELLED} labelled patients, mean over {SEEDS} seeds (lowest – highest), rate {RATE:g}; "
        f"{len(scored)} patients scored.",
        RESULTS,
    )
    print(grid(("encoder", "size", *MODES), rows))


if __name__ == "__main__":
    main()
