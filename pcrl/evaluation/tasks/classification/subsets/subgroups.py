"""Scores of parts of the test images, by sex, age and projection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pcrl.engine.cache.images.table import ImageTable
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.records.results import Row, Subgroup
from pcrl.evaluation.statistics.patients import MEAN
from pcrl.evaluation.tasks.classification.subsets.parts import Part
from pcrl.evaluation.tasks.classification.summary import Scores, Tables, results_of, rows_of
from pcrl.listing import counted

VARIABLES = ("sex", "age", "projection")
AGES = (20, 40, 60, 80)
"""Years at which the next age group begins (Seyyed-Kalantari et al., Nature Medicine 27, 2021)."""
FEWEST = 5
"""Patients with a finding, and without it, below whose number a subgroup has no score."""
NOT_STATED = "not stated"


def variables_of(option: str) -> tuple[str, ...]:
    """What test images are divided by, as `--subgroups` says it.

    Raises:
        ProtocolError: by none, and by something.
    """
    said = {part.strip() for part in option.split(",")}
    if "none" in said and len(said) > 1:
        raise ProtocolError(f"--subgroups {option}: none goes with no other")
    return tuple(name for name in VARIABLES if name in said or "all" in said)


def groups_of(table: ImageTable, rows: NDArray[np.int64], variable: str) -> NDArray[np.str_]:
    """The group of each image."""
    if variable == "age":
        return np.array([_age_group(age) for age in table.ages[rows].tolist()])
    stated = table.sexes if variable == "sex" else table.projections
    return np.array([stated[row] or NOT_STATED for row in rows.tolist()])


def subgroup_scores(
    arms: Mapping[str, Mapping[int, Scores]],
    part: Part,
    table: ImageTable,
    rows: NDArray[np.int64],
    variables: Sequence[str],
) -> Iterator[Subgroup]:
    """AUROC per image of every arm, label and group; means over seeds.

    A mean over labels is defined where all labels have a score that have one in the whole part: of other labels, it
    would be another number.

    Args:
        arms: arm → seed → probabilities (n, labels) of the images of the part.
        rows: positions of these images in the table.
    """
    whole = part.tables
    for variable in variables:
        groups = groups_of(table, rows, variable)
        for group in _in_order(set(groups.tolist())):
            places = np.flatnonzero(groups == group)
            names = [whole.names[column] for column in whole.columns]
            tables = Tables.of(table, rows[places], whole.truth[places], names)
            sides = {name: _sides(tables, column) for name, column in zip(names, whole.columns, strict=True)}
            for arm, runs in arms.items():
                own = {seed: scores[places] for seed, scores in runs.items()}
                found = rows_of(results_of(own, tables, ("images",)), tables)
                enough = {
                    name for name, (positive, negative) in sides.items() if min(positive, negative) >= FEWEST
                }
                needed = {
                    name for name, column in zip(names, whole.columns, strict=True) if _defined(whole, column)
                }
                for row in found:
                    defined = needed <= enough if row.label == MEAN else row.label in enough
                    yield _subgroup(arm, part, (variable, group), row, tables, defined)


def notes_on_subgroups(table: ImageTable, rows: NDArray[np.int64], variables: Sequence[str]) -> list[str]:
    """What no test image states."""
    without = [name for name in variables if set(groups_of(table, rows, name).tolist()) == {NOT_STATED}]
    if not without:
        return []
    images, stated = counted(len(rows), "test image"), " or ".join(without)
    return [f"none of {images} states {stated} in the cache: where the source does, ingest it again"]


def _subgroup(
    arm: str, part: Part, group: tuple[str, str], row: Row, tables: Tables, defined: bool
) -> Subgroup:
    column = tables.scored.index(row.label) if row.label in tables.scored else None
    truth = tables.truth[:, tables.columns] if column is None else tables.truth[:, [tables.columns[column]]]
    counts = [bool(np.isfinite(labels).any()) for labels in truth]
    return Subgroup(
        arm=arm,
        part=part.name,
        variable=group[0],
        group=group[1],
        label=row.label,
        metric=row.metric,
        value=row.value if defined else None,
        interval=row.interval if defined else None,
        why=row.why if defined else "",
        images=sum(counts),
        patients=len({owner for owner, known in zip(tables.patients, counts, strict=True) if known}),
        positives=None if column is None else int((truth == 1).sum()),
        negatives=None if column is None else int((truth == 0).sum()),
    )


def _sides(tables: Tables, column: int) -> tuple[int, int]:
    """How many patients have the finding, and how many do not, in one image at least."""
    owners = np.asarray(tables.patients)
    positive, negative = (len(set(owners[tables.truth[:, column] == value].tolist())) for value in (1, 0))
    return positive, negative


def _defined(tables: Tables, column: int) -> bool:
    return min(_sides(tables, column)) > 0


def _age_group(age: float) -> str:
    if np.isnan(age):
        return NOT_STATED
    below = [limit for limit in AGES if age >= limit]
    above = [limit for limit in AGES if age < limit]
    if not below:
        return f"below {AGES[0]}"
    return f"{below[-1]} to {above[0] - 1}" if above else f"{AGES[-1]} and above"


def _in_order(groups: set[str]) -> list[str]:
    ages = [_age_group(age) for age in (0, *AGES)]
    return sorted(groups, key=lambda one: (one == NOT_STATED, ages.index(one) if one in ages else -1, one))
