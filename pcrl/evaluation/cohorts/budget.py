"""A budget of labelled patients, shared between training and validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pcrl.engine.splits import in_seeded_order, share_of
from pcrl.listing import counted

ONE_OF = 8
"""One labelled patient of so many validates."""
FEWEST = 3
"""With fewer validation patients nobody validates: which epoch they choose would be chance."""
Validation = Literal["budget", "all", "earlier"]
"""Who validates. `budget`: a part of the budget of labels; `all`: every validation patient of the data, beside it;
`earlier`: the same, as evaluations did that were begun when there was no other way."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labelled patients of one training.

    Args:
        train, validation: patients who are used.
        training_pool, validation_pool: how many there are to take them from.
        budget: labelled patients who may be used; it is larger than what is used where either pool ends, or where
            patients wait for enough of them to validate.
    """

    train: frozenset[str]
    validation: frozenset[str]
    training_pool: int
    validation_pool: int
    budget: int

    def describe(self) -> str:
        """How many labelled patients are used in all, and of how many."""
        return (
            f"{counted(len(self.train) + len(self.validation), 'labelled patient')} used in all, of "
            f"{self.training_pool} to train on and {self.validation_pool} to validate on"
        )

    def notes(self, validation: Validation) -> list[str]:
        """Why nobody validates, or fewer patients are used than the budget allows."""
        notes = []
        if not self.validation and not self.validation_pool:
            notes.append("no validation patients: every training runs to its last epoch, which is kept")
        elif not self.validation:
            notes.append(
                f"fewer than {FEWEST} validation patients: every training runs to its last epoch, which is kept"
                + "; --validation all lets all validation patients choose, whose labels come on top"
                * (validation == "budget" and self.validation_pool >= FEWEST)
            )
        waiting = self.budget - len(self.train)
        if waiting > 0 and not self.validation and len(self.train) < self.training_pool:
            notes.append(
                f"{waiting} of the {self.budget} labelled patients are not used: with {ONE_OF * FEWEST} of them, "
                f"{FEWEST} validate, and a patient who trains at a small fraction trains at every larger one"
            )
        return notes


def divide(
    training: Iterable[str],
    validation: Iterable[str],
    fraction: float,
    seed: int,
    how: Validation = "budget",
    strata: Mapping[str, str] | None = None,
) -> Labelled:
    """Who trains and who validates at a fraction of the labels: patients of a smaller one keep their side in a larger.

    With `budget`, ceil(fraction · n) of all n labelled patients are used. Of these one in `ONE_OF` validates: the first
    of the validation patients, in seeded order; none if that would be fewer than `FEWEST`. The others train: the first
    of the training patients. Where validation begins, `FEWEST` places go to it at once; the training patients who would
    lose theirs are not taken on at the fractions below either.

    Args:
        training, validation: the labelled patients of the data's splits.
        fraction: in (0, 1].
        strata: patient → stratum, such as a grade: each has its share of those who train, and of those who validate.
    """
    to_train, to_validate = (in_seeded_order(patients, seed, strata) for patients in (training, validation))
    everyone = len(to_train) + len(to_validate)
    if how != "budget":
        budget = share_of(len(to_train), fraction)
        train, choose = budget, len(to_validate)
        budget += choose
    else:
        budget = share_of(everyone, fraction)
        choose = min(budget // ONE_OF, len(to_validate))
        if choose < FEWEST:
            choose = 0
        train = min(budget - choose, len(to_train))
        first = ONE_OF * FEWEST
        if budget < first <= everyone and len(to_validate) >= FEWEST:
            train = min(train, first - FEWEST)
    return Labelled(
        frozenset(to_train[:train]), frozenset(to_validate[:choose]), len(to_train), len(to_validate), budget
    )
