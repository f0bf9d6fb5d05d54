"""Tier 2: real and cheap. Which organ is at a voxel of a real patient, from frozen features of virtual pre-training?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pcrl.config import VolumeRecipe
from pcrl.evaluation.arms.arm import State, permuted
from transferring.arms import SEEDS
from transferring.features import features_at, frozen, places_in
from transferring.ledger import Ledger
from transferring.pretraining import random_state
from transferring.probe import probes
from transferring.real import FEWEST, shared
from transferring.settings import Budget
from transferring.tuning import Volume

PLACES = 200
"""Voxels of an organ in a patient, at most."""


def states(
    pretrained: Mapping[tuple[str, int], State], recipe: VolumeRecipe, budget: Budget
) -> dict[str, State]:
    """The weights that are probed, by arm and seed."""
    found = {f"{name}/{seed}": state for (name, seed), state in pretrained.items()}
    for seed in range(budget.pretraining_seeds):
        found[f"random/{seed}"] = random_state(recipe, 100 + seed)
        found[f"permuted/{seed}"] = permuted(pretrained["both", seed], seed * SEEDS + 1)
    return found


def probe_real(
    patients: Sequence[Volume],
    weights: Mapping[str, State],
    recipe: VolumeRecipe,
    budget: Budget,
    ledger: Ledger,
) -> dict[str, Any]:
    """Leave one patient out: both probes of every level, for all weights, at the same voxels.

    An organ is asked for in a patient if another one has it too.
    """
    organs = shared(patients)
    found = {}
    for name, state in weights.items():
        result = ledger.do(
            f"probe/{name}", lambda state=state: _probe(patients, organs, state, recipe, budget)
        )
        if result is not None:
            found[name] = result
    return found


def _probe(
    patients: Sequence[Volume], organs: Mapping[str, int], state: State, recipe: VolumeRecipe, budget: Budget
) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    asked = [
        places_in(one, [n for n in organs.values() if (one.label == n).sum() >= FEWEST], PLACES, rng)
        for one in patients
    ]
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for left_out, patient in enumerate(patients):
        others = [n for n in range(len(patients)) if n != left_out]
        # The statistics of norms are of training patients too.
        model = frozen(state, recipe, [patients[n] for n in others])
        known = np.unique(np.concatenate([asked[n].organ for n in others]))
        scored = np.isin(asked[left_out].organ, known)
        for level, rows in features_at(model, patients, asked).items():
            scores.setdefault(level, {})[patient.case.patient] = probes(
                [rows[n] for n in others],
                [asked[n].organ for n in others],
                rows[left_out][scored],
                asked[left_out].organ[scored],
                budget.probe_steps,
            )
    return {"organs": list(organs), "scores": scores}
