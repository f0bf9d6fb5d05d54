"""Tier 3: real, end to end. Fine-tuning on all real patients but one; too few for anything but a direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from pcrl.config import VolumeRecipe
from pcrl.evaluation.volumes import Volume
from transferring.arms import ARMS, states_of
from transferring.ledger import Ledger
from transferring.pretraining import State
from transferring.real import shared
from transferring.scoring import score
from transferring.settings import Budget
from transferring.tuning import tune

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
    chosen = [_only(one, tuple(organs.values())) for one in patients]
    found: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in COMPARED}
    for left_out, patient in enumerate(chosen):
        train = [one for n, one in enumerate(chosen) if n != left_out]
        for name in COMPARED:
            starts = states_of(ARMS[name], pretrained, budget)
            # As many runs from scratch as from pre-trained weights.
            for seed in range(budget.pretraining_seeds):
                state = starts[seed % len(starts)]

                def work(
                    state: State | None = state,
                    name: str = name,
                    seed: int = seed,
                    train: Sequence[Volume] = train,
                    test: Volume = patient,
                ) -> dict[str, Any]:
                    model, losses = tune(
                        state, train, len(organs) + 1, recipe, budget,
                        rate=rates[name], longer=1, seed=seed, device=device,
                    )  # fmt: skip
                    values = {organ: (number,) for organ, number in organs.items()}
                    return {"losses": losses, "scores": score(model, [test], values, device)}

                result = ledger.do(f"real/{name}/{patient.case.patient}/seed-{seed}", work)
                if result is not None:
                    found[name].setdefault(patient.case.patient, []).append(result["scores"])
    return found


def _only(volume: Volume, numbers: tuple[int, ...]) -> Volume:
    label = np.zeros_like(volume.label)
    for new, number in enumerate(numbers, 1):
        label[volume.label == number] = new
    return replace(volume, label=label)
