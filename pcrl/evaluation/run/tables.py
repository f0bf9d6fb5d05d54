"""The numbers of an evaluation as CSV, a value a line; the same to the last digit as those of `results.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pcrl.evaluation.records.results import Interval, Results, Run, Side
from pcrl.evaluation.report.numbers import counts_in_words
from pcrl.files import write_csv

SCORES, CASES, COMPARISONS, RUNS = "scores.csv", "cases.csv", "comparisons.csv", "runs.csv"
SEEDS, SPLITS, SUBGROUPS = "seeds.csv", "splits.csv", "subgroups.csv"
LABELLED = "training_patients validation_patients labelled_patients"
"""Of the first training; `runs.csv` has those of every one."""
Line = Sequence[object]


def write_tables(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write `scores.csv`, `seeds.csv`, `cases.csv`, `comparisons.csv` and `runs.csv`; what is undefined is empty."""
    return (
        _write(
            folder / SCORES,
            f"arm label metric value sd low high patients seeds why transductive virtual {LABELLED} counts",
            _scores(results),
        ),
        _write(folder / SEEDS, f"arm minus label metric seed value {LABELLED}", _seeds(results)),
        _write(folder / CASES, f"arm case patient virtual label metric value {LABELLED}", _cases(results)),
        _write(
            folder / COMPARISONS,
            f"label metric arm minus difference low high p p_holm patients seeds why transductive virtual {LABELLED}",
            _comparisons(results),
        ),
        _write(
            folder / RUNS,
            "arm seed fold learning_rate rates_tried chosen_epoch epochs criterion stopped training_patients "
            "seconds folder validation_patients labelled_patients steps digest",
            _runs(results),
        ),
    )


def write_splits(sides: Iterable[Side], owners: Mapping[str, str], folder: Path) -> Path:
    """Write `splits.csv`: which case, or image, is on which side, and whose it is.

    Args:
        owners: case → patient.
    """

    def lines() -> Iterator[Line]:
        for side in sides:
            for part in ("train", "validation", "test"):
                for case in getattr(side, part):
                    yield side.seed, side.fold, part, case, owners[case]

    return _write(folder / SPLITS, "seed fold side case patient", lines())


def write_subgroups(results: Results, folder: Path) -> Path | None:
    """Write `subgroups.csv`, a score a line, where there are any."""
    if not results.subgroups:
        return None

    def lines() -> Iterator[Line]:
        for one in results.subgroups:
            numbers = (
                one.value,
                *_ends(one.interval),
                one.why,
                one.images,
                one.patients,
                one.positives,
                one.negatives,
            )
            named = (one.arm, one.part, one.variable, one.group, one.label, one.metric)
            yield *named, *numbers, *_restricted(results)

    return _write(
        folder / SUBGROUPS,
        "arm set variable group label metric value low high why images patients positives negatives transductive "
        f"virtual {LABELLED}",
        lines(),
    )


def _scores(results: Results) -> Iterator[Line]:
    for arm in results.arms:
        for row in arm.rows:
            numbers = (row.value, row.sd, *_ends(row.interval), row.patients, len(row.by_seed), row.why)
            behind = counts_in_words(row.counts) or None
            yield arm.name, row.label, row.metric, *numbers, *_restricted(results), behind


def _seeds(results: Results) -> Iterator[Line]:
    """The score of every seed, then the differences of every seed, which have a second arm."""
    for arm in results.arms:
        for row in arm.rows:
            for seed, value in row.by_seed.items():
                yield arm.name, None, row.label, row.metric, seed, value, *_labelled(results)
    for each in results.comparisons:
        for seed, value in each.by_seed.items():
            yield each.arm, each.minus, each.label, each.metric, seed, value, *_labelled(results)


def _restricted(results: Results) -> tuple[int | None, ...]:
    """What holds for every number: pre-training saw test patients; virtual test cases; labelled patients."""
    return int(results.transductive), results.virtual, *_labelled(results)


def _labelled(results: Results) -> tuple[int | None, ...]:
    return results.training_patients, results.validation_patients, results.labelled_patients


def _cases(results: Results) -> Iterator[Line]:
    for arm in results.arms:
        for case in arm.cases:
            for metric, value in case.values.items():
                named = arm.name, case.case, case.patient, int(case.virtual), case.label, metric
                yield *named, value, *_labelled(results)


def _comparisons(results: Results) -> Iterator[Line]:
    for each in results.comparisons:
        numbers = (each.difference, *_ends(each.interval), each.p, each.p_holm, each.patients)
        drawn = (len(each.by_seed), each.why)
        yield each.label, each.metric, each.arm, each.minus, *numbers, *drawn, *_restricted(results)


def _runs(results: Results) -> Iterator[Line]:
    for arm in results.arms:
        for run in arm.runs:
            yield (
                arm.name, run.seed, run.fold, run.learning_rate, _rates(run), run.chosen_epoch, len(run.losses),
                run.criterion, run.stopped, run.training_patients, run.seconds, run.folder,
                run.validation_patients, run.labelled_patients, run.steps, run.digest,
            )  # fmt: skip


def _rates(run: Run) -> str:
    return " ".join(rate if score is None else f"{rate}={score!r}" for rate, score in run.rates_tried.items())


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return interval or (None, None)


def _write(path: Path, head: str, lines: Iterable[Line]) -> Path:
    write_csv(path, head.split(), lines)
    return path
