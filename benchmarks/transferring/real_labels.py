"""Tier 3: real, end to end. Fine-tuning on all real patients but one; too few for anything but a direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pcrl.config import VolumeRecipe
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.evaluation.tasks.segmentation.target import Target
from transferring.arms import ARMS, states_of
from transferring.ledger import Ledger
from transferring.pretraining import State
from transferring.real import shared
from transferring.scoring import score
from transferring.settings import Budget
from transferring.tuning import Volume, tune

COMPARED = ("pre-trained", "from scratch", "permuted", "restoration only", "comparison only")
MOST = 6
"""Organs: those that virtual patients have too, if two real patients have them."""


def end_to_end(
    patients: Sequence[Volume],
    pretrained: Mapping[tuple[str, int], State],
    recipe: VolumeRecipe,
    rates: Mapping[str, float],
    budget: Budget,
    ledger: Ledger,
    device: torch.device,
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Arm → patient left out → scores of each seed; learning rates are those found on development patients."""
    organs = {name: number for name, number in shared(patients).items() if number <= MOST}
    target = Target.of_values({number: name for name, number in organs.items()})
    found: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in COMPARED}
    for left_out, patient in enumerate(patients):
        train = [one.case for n, one in enumerate(patients) if n != left_out]
        for name in COMPARED:
            starts = states_of(ARMS[name], pretrained, budget)
            # As many runs from scratch as from pre-trained weights.
            for seed in range(budget.pretraining_seeds):
                state = starts[seed % len(starts)]

                def work(
                    state: State | None = state,
                    name: str = name,
                    seed: int = seed,
                    train: Sequence[CachedCase] = train,
                    test: Volume = patient,
                ) -> dict[str, Any]:
                    model, losses = tune(
                        state, train, target, recipe, budget,
                        rate=rates[name], longer=1, seed=seed, device=device,
                    )  # fmt: skip
                    return {"losses": losses, "scores": score(model, [test], target, device)}

                result = ledger.do(f"real/{name}/{patient.case.patient}/seed-{seed}", work)
                if result is not None:
                    found[name].setdefault(patient.case.patient, []).append(result["scores"])
    return found
