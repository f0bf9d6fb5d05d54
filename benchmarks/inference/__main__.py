"""Write `results/inference.md`: sizes of tests and coverage of intervals. In `benchmarks/`: `python -m inference`."""

from __future__ import annotations

import argparse
import sys

import numpy as np
from table import grid, write

from inference.families import AUROCS, MEANS, MEDIANS, Draw
from inference.measure import Rates, rates, withheld
from inference.others import METHODS, size
from inference.together import GIVEN, WITHHELD, covered, shared_rates

SEEDS, PATIENTS = (3, 5, 10), (10, 20, 50)
OF_SEED = (0.0, 0.3, 0.6)
"""Standard deviation of seeds; that of patients is 1. At 0.6 most pairs of single trainings differ "significantly"."""
GAIN = 0.5


def main() -> None:
    """Simulate, and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000, help="Of each cell.")
    simulations = parser.parse_args().simulations
    # As it is typed, without the path of this file.
    sys.argv[0] = "-m inference"
    rng, shared = np.random.default_rng(0), np.random.default_rng(2)
    rows = []
    for name in (*MEANS, *MEDIANS, *AUROCS):
        for seeds in SEEDS:
            cells = []
            for patients in PATIENTS:
                drawn = [
                    rates(name, Draw(simulations, seeds, patients, of_seed, GAIN), rng) for of_seed in OF_SEED
                ]
                cells.append(_worst(drawn))
            rows.append((name, str(seeds), *cells))
            print(*rows[-1], sep=" | ", flush=True)
    for name, score in GIVEN.items():
        for seeds in SEEDS:
            cells = [
                _worst(
                    [
                        shared_rates(score, Draw(simulations, seeds, patients, of_seed, GAIN), shared)
                        for of_seed in OF_SEED
                    ]
                )
                for patients in PATIENTS
            ]
            rows.append((name, str(seeds), *cells))
            print(*rows[-1], sep=" | ", flush=True)
    others = [(name, *(_of_seeds(name, seeds, simulations // 4, rng) for seeds in SEEDS)) for name in METHODS]
    write(
        "inference",
        "Intervals and tests over patients and seeds: how often they are right",
        ["numpy", "scipy"],
        ("score", "seeds", *(f"{patients} patients" for patients in PATIENTS)),
        rows,
        f"Each cell: how often two equal arms have p < 0.05; how often the 95 % interval of a difference holds the "
        f"true one; how often that of a score does. {simulations} simulations of each; "
        "the worst of three strengths of seeds, whose standard deviation is 0, 0.3 or 0.6 of that of patients. A dash: "
        "no interval is given; in brackets the share of the simulations with an interval, where it is not all of them; "
        "below 5 % it is not counted how often these are right. "
        "Evaluations compare arms by Dice, NSD, HD95, AUROC, Brier score and CPM; of calibration there is one arm. "
        "The families are in `benchmarks/inference` (`families`, `pooled`, `scans`, `calibrated`).\n\n"
        f"{_withheld(simulations, rng)} {_without(simulations // 2, shared)}\n\n"
        "Other ways, by which two equal arms are called different (normal Dice, 20 patients, p < 0.05, seeds of 0, "
        f"0.3 and 0.6). One training of each arm, by Student's t over patients: {_alone(simulations, rng)}.\n\n"
        + grid(("", *(f"{seeds} seeds" for seeds in SEEDS)), others),
    )


def _worst(drawn: list[Rates]) -> str:
    """The highest size and the lowest coverage."""
    sizes = [one.size for one in drawn if one.size is not None]
    gaps = [one.difference for one in drawn if one.difference is not None]
    scores = [one.score for one in drawn if one.score is not None]
    text = " · ".join(
        f"{pick(values):.3f}" if values else "–"
        for pick, values in ((max, sizes), (min, gaps), (min, scores))
    )
    given = min(one.given for one in drawn)
    return text if given in {0.0, 1.0} else f"{text} ({given:.0%})"


def _of_seeds(name: str, seeds: int, count: int, rng: np.random.Generator) -> str:
    return " · ".join(f"{size(name, Draw(count, seeds, 20, of_seed, 0.0), rng):.3f}" for of_seed in OF_SEED)


def _withheld(count: int, rng: np.random.Generator) -> str:
    name = "Dice, failures"
    drawn = [
        Draw(count, seeds, 10, of_seed, gain)
        for seeds in SEEDS
        for of_seed in OF_SEED
        for gain in (0.0, GAIN)
    ]
    held = [withheld(name, draw, rng) or 0.0 for draw in drawn]
    return (
        f"What is withheld: with ten patients the interval of a score of {name} would hold the true one in "
        f"{min(held):.0%} to {max(held):.0%} of the simulations."
    )


def _without(count: int, rng: np.random.Generator) -> str:
    """Of scores that have no interval at all: how often it would be right."""
    said = []
    for name, families in WITHHELD.items():
        held = [
            covered(score, Draw(count, seeds, patients, of_seed, 0.0), rng)
            for score in families.values()
            for seeds in SEEDS
            for patients in PATIENTS[1:]
            for of_seed in OF_SEED
        ]
        said.append(f"that of {name}, in {min(held):.0%} to {max(held):.0%}")
    return f"With 20 and 50 patients, {'; '.join(said)}."


def _alone(count: int, rng: np.random.Generator) -> str:
    name = next(iter(METHODS))
    return " · ".join(f"{size(name, Draw(count, 1, 20, of_seed, 0.0), rng):.3f}" for of_seed in OF_SEED)


if __name__ == "__main__":
    main()
