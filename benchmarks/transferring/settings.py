"""How much of everything: one table of budgets, in steps, fixed before the first run."""

from __future__ import annotations

from dataclasses import dataclass

from pcrl.config import VolumeRecipe, load_recipe

GRID = 6.0
"""mm, of the cache: a virtual patient is then 32×48×48 voxels, one pass of the network."""
WINDOW = (-200, 300)
"""HU. In the default window of 2000 HU organs differ by a hundredth, and restoring them would weigh nothing."""
PATCH = (16, 32, 32)
RATES = (3e-3, 1e-2)
"""Learning rates of fine-tuning that every arm tries, on development patients."""
LONGER = 5
"""How many times the steps from scratch to its plateau."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a preset costs.

    Args:
        width, levels: of the network.
        patients: virtual ones to pre-train, to label, to test, to develop with: pre-train, label, score.
        labels: numbers of labelled patients.
        pretraining_seeds, finetuning_seeds: numbers of them.
        epochs, samples_per_case, batch: of pre-training; steps are epochs × ⌊patients · samples_per_case / batch⌋.
        objective: settings of pre-training chosen on development patients.
        rounds: of fine-tuning, `per_round` patches each, in batches of `tuning_batch`.
    """

    width: int
    levels: int
    pretraining: int
    pool: int
    test: int
    development: tuple[int, int, int]
    labels: tuple[int, ...]
    pretraining_seeds: int
    finetuning_seeds: int
    epochs: int
    samples_per_case: int
    batch: int
    rounds: int
    per_round: int
    tuning_batch: int
    rates: tuple[float, ...] = RATES
    longer: int = LONGER
    probe_steps: int = 300


BUDGETS = {
    # Development: 48 to pre-train, 8 to label, 16 to score.
    "cpu": Budget(
        width=16, levels=3, pretraining=120, pool=16, test=64, development=(48, 8, 16),
        labels=(1, 2, 4, 8, 16), pretraining_seeds=2, finetuning_seeds=3,
        epochs=30, samples_per_case=2, batch=8, rounds=24, per_round=32, tuning_batch=2,
    ),
    "cuda": Budget(
        width=64, levels=4, pretraining=120, pool=16, test=64, development=(48, 8, 16),
        labels=(1, 2, 4, 8, 16), pretraining_seeds=2, finetuning_seeds=3,
        epochs=40, samples_per_case=4, batch=16, rounds=10, per_round=32, tuning_batch=4,
    ),
    "quick": Budget(
        width=4, levels=3, pretraining=8, pool=2, test=10, development=(4, 2, 2),
        labels=(1, 2), pretraining_seeds=1, finetuning_seeds=1,
        epochs=2, samples_per_case=2, batch=4, rounds=2, per_round=4, tuning_batch=2,
        rates=(1e-3,), longer=2, probe_steps=40,
    ),
}  # fmt: skip

OBJECTIVES = {
    "both": {},
    "restoration": {"global_cosine": 0.0, "local_cosine": 0.0},
    "comparison": {"restoration": 0.0, "mid_restoration": 0.0},
}
"""The weights that an objective takes away from the recipe's."""


def recipe(
    budget: Budget, objective: str = "both", seed: int = 0, overrides: tuple[str, ...] = ()
) -> VolumeRecipe:
    """The small CPU recipe on this grid, for an objective and a seed of pre-training."""
    settings = [
        f"data.spacing=[{GRID}, {GRID}, {GRID}]",
        f"data.window={list(WINDOW)}",
        # The volume is 32×48×48: boxes about as large as a view, so that views have the grid of fine-tuning.
        "views.global_boxes=[[16, 32, 32], [16, 24, 24], [24, 40, 40], [20, 32, 32]]",
        "views.margin=[2, 4, 4]",
        "views.local_boxes=[[8, 16, 16], [8, 8, 8], [12, 12, 12]]",
        f"model.width={budget.width}",
        f"model.levels={budget.levels}",
        f"training.epochs={budget.epochs}",
        f"training.samples_per_case={budget.samples_per_case}",
        f"training.batch_size={budget.batch}",
        f"training.seed={seed}",
        f"training.picture_every={budget.epochs}",
        *(f"objective.{name}={weight}" for name, weight in OBJECTIVES[objective].items()),
        f"finetuning.patch={list(PATCH)}",
        f"finetuning.batch_size={budget.tuning_batch}",
        *overrides,
    ]  # fmt: skip
    found = load_recipe("cpu-3d", settings)
    assert isinstance(found, VolumeRecipe)
    return found
