"""How much a mean over patients and seeds varies: both are drawn at random, and every seed scores every patient.

The value of a patient with a seed is a mean, and what the patient, the seed, and the rest add to it. The mean squares
of the two-way layout tell these parts of the variance apart (Dorfman, Berbaum and Metz 1992, who have readers where we
have seeds). Each part is multiplied by the t of its own degrees of freedom, and the squares are added (Cochran and Cox
1957; Zou and Donner 2008). One t with Satterthwaite's degrees of freedom is narrower, and rejects too often with three
seeds: `docs/protocol.md`.

Arrays are (…, seeds, patients); whatever stands in front is computed together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

Values = NDArray[np.float64]
_SMALLEST_P = 1e-12


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Mean squares between patients, between seeds, and of the rest, (…,), and how many seeds and patients there are.

    With one seed nothing is known of seeds: `seeds` and `rest` are 0.
    """

    patients: Values
    seeds: Values
    rest: Values
    seed_count: int
    patient_count: int

    @classmethod
    def of(cls, values: Values) -> MeanSquares:
        """Of values (…, seeds, patients), two patients or more, none NaN."""
        seeds, patients = values.shape[-2:]
        mean = values.mean(axis=(-2, -1), keepdims=True)
        by_patient, by_seed = values.mean(axis=-2, keepdims=True), values.mean(axis=-1, keepdims=True)
        between_patients = seeds * ((by_patient - mean) ** 2).sum(axis=(-2, -1)) / (patients - 1)
        if seeds == 1:
            nothing = np.zeros_like(between_patients)
            return cls(between_patients, nothing, nothing, seeds, patients)
        between_seeds = patients * ((by_seed - mean) ** 2).sum(axis=(-2, -1)) / (seeds - 1)
        rest = ((values - by_patient - by_seed + mean) ** 2).sum(axis=(-2, -1))
        return cls(between_patients, between_seeds, rest / ((seeds - 1) * (patients - 1)), seeds, patients)

    def part_of_patients(self) -> Values:
        """Share of the mean square between patients that is theirs alone, and not of the rest: 0 to 1."""
        own = np.maximum(self.patients - self.rest, 0.0)
        return np.divide(own, self.patients, out=np.zeros_like(own), where=self.patients > 0)

    def of_patients(self, alpha: float) -> Values:
        """Half of the width of a 1 − alpha interval over patients alone."""
        count = self.seed_count * self.patient_count
        return np.asarray(_t(self.patient_count - 1, alpha) * np.sqrt(self.patients / count), np.float64)

    def of_seeds(self, alpha: float) -> Values:
        """Half of the width of a 1 − alpha interval over seeds alone; 0 with one seed, of which nothing is known."""
        if self.seed_count == 1:
            return np.zeros_like(self.seeds)
        count = self.seed_count * self.patient_count
        return np.asarray(_t(self.seed_count - 1, alpha) * np.sqrt(self.seeds / count), np.float64)

    def joined(self, of_patients: Values, alpha: float) -> Values:
        """Half of the width over patients and seeds, from that over patients alone: never below it.

        The rest is in both mean squares, and is taken out of that of the patients.
        """
        both = np.sqrt(self.part_of_patients() * of_patients**2 + self.of_seeds(alpha) ** 2)
        return np.asarray(np.maximum(both, of_patients), np.float64)

    def half_width(self, alpha: float = 0.05) -> Values:
        """Half of the width of the symmetric 1 − alpha interval over patients and seeds, (…,)."""
        return self.joined(self.of_patients(alpha), alpha)


def two_sided_p(squares: MeanSquares, difference: float) -> float:
    """The smallest alpha at which the interval round a mean `difference` leaves out 0; mean squares without axes."""
    size = abs(difference)
    if size <= float(squares.half_width(1 - _SMALLEST_P)):
        return 1.0
    if size >= float(squares.half_width(_SMALLEST_P)):
        return _SMALLEST_P

    def beyond(logarithm: float) -> float:
        return float(squares.half_width(float(np.exp(logarithm)))) - size

    return float(np.exp(brentq(beyond, np.log(_SMALLEST_P), np.log1p(-_SMALLEST_P), xtol=1e-10)))


def _t(freedom: int, alpha: float) -> float:
    """Upper alpha / 2 quantile of Student's t."""
    return -float(stdtrit(freedom, alpha / 2))


def t_sided(freedom: int, size: Values) -> Values:
    """Two-sided p of Student's t."""
    return np.asarray(2 * stdtr(freedom, -np.abs(size)), np.float64)
