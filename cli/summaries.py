"""What is in a data set of a cache, as tables for the screen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rich.table import Table

from pcrl.listing import counted

if TYPE_CHECKING:
    from pcrl.engine.cache.images.dataset import CachedImages
    from pcrl.engine.cache.images.table import ImageTable
    from pcrl.engine.cache.volumes.dataset import CachedDataset


def volume_summary(dataset: CachedDataset, root: Path) -> Table:
    """What is in a data set of volumes."""
    from pcrl.engine.cache.volumes.records import patients_in_words
    from pcrl.engine.selection.select import is_scored

    record = dataset.record
    table = Table(show_header=False, title=f"{dataset.name} in {root}", title_justify="left")
    spacing = "×".join(f"{mm:g}" for mm in record.recipe.data.spacing)
    data = record.recipe.data
    table.add_row("recipe", f"{record.recipe.name}: {spacing} mm")
    table.add_row("format", f"{record.storage}, {data.codec}, chunks of {data.chunk}³")
    modalities = sorted({case.record.modality for case in dataset.cases})
    labelled = sum(case.has_label for case in dataset.cases)
    table.add_row(
        "cases", f"{len(dataset.cases)} ({', '.join(modalities) or 'none'}), {labelled} with a label"
    )
    table.add_row("patients", patients_in_words(case.entry for case in dataset.cases))
    if any(case.record.age is not None or case.record.sex for case in dataset.cases):
        ages = [math.nan if case.record.age is None else case.record.age for case in dataset.cases]
        table.add_row("age", _ages(ages, "case"))
        table.add_row("sex", _counts([case.record.sex for case in dataset.cases], "case"))
    if is_scored(dataset):
        for split in ("train", "val", "test"):
            here = [case for case in dataset.cases if case.split == split]
            known, patients = (
                len({case.patient for case in here if case.has_label or not labels})
                for labels in (True, False)
            )
            rest = f", {known} of them with a label" if known < patients else ""
            table.add_row(split, patients_in_words(case.entry for case in here) + rest)
    else:
        table.add_row("split", _unscored(root, [case.patient for case in dataset.cases]))
    if record.label_names:
        table.add_row("labels", ", ".join(f"{v} {name}" for v, name in sorted(record.label_names.items())))
    if record.regions:
        shown = (f"{name} {'+'.join(map(str, values))}" for name, values in record.regions.items())
        table.add_row("regions", ", ".join(shown))
    if record.ignored is not None:
        table.add_row("ignored", f"voxels of value {record.ignored}")
    if dataset.tables:
        table.add_row("tables", ", ".join(dataset.tables))
    size = sum(path.stat().st_size for path in dataset.folder.rglob("*") if path.is_file())
    voxels = sum(len(c.record.intensities) * math.prod(c.record.grid.shape) for c in dataset.cases)
    table.add_row(
        "size", f"{size / 1e6:.1f} MB; {size / max(1, 2 * voxels):.2f} of the uncompressed int16 volumes"
    )
    return table


def case_list(dataset: CachedDataset) -> Table:
    """A line for each case of a data set."""
    from pcrl.engine.selection.select import is_scored

    strata = any(case.entry.stratum for case in dataset.cases)
    table = Table(
        "case", "patient", "split", *[dataset.record.strata or "stratum"] * strata, "modality", "voxels z×y×x", "label",
        "MB", "read from", title=dataset.name, title_justify="left",
    )  # fmt: skip
    for case in dataset.cases:
        size = sum(path.stat().st_size for path in case.folder.rglob("*") if path.is_file())
        table.add_row(
            case.name,
            case.patient + (" (virtual)" if case.entry.virtual else ""),
            case.split if is_scored(dataset) else "",
            *[case.entry.stratum] * strata,
            case.record.modality,
            "×".join(map(str, case.record.grid.shape)),
            "yes" if case.has_label else "",
            f"{size / 1e6:.1f}",
            case.record.sources[0].path,
        )
    return table


def image_summary(images: CachedImages, cache: Path) -> Table:
    """What is in a data set of images."""
    from pcrl.engine.selection.select import is_scored

    table, record = images.table, images.record
    shown = Table(show_header=False, title=f"{images.name} in {cache}", title_justify="left")
    data = record.recipe.data
    shown.add_row("recipe", f"{record.recipe.name}: shorter side {data.size}, {data.bits} bits, {data.codec}")
    made = int(table.virtual.sum())
    shown.add_row("images", f"{len(table)}" + (f", {made} of them synthetic" if made else ""))
    for split in ("train", "val", "test") if is_scored(images) else ():
        here = table.where(split)
        patients = {table.patients[n] for n in here}
        shown.add_row(split, f"{counted(len(here), 'image')} of {counted(len(patients), 'patient')}")
    if not is_scored(images):
        shown.add_row("split", _unscored(cache, table.patients))
    if table.label_names:
        shown.add_row("labels", ", ".join(table.label_names))
    for what, words in _stated(table).items():
        shown.add_row(what, words)
    if table.failed:
        shown.add_row("missing", f"{len(table.failed)} could not be read")
    size = sum(path.stat().st_size for path in images.folder.rglob("*") if path.is_file())
    pixels = int(table.shapes.astype("int64").prod(axis=1).sum()) * data.bits // 8
    shown.add_row("size", f"{size / 1e6:.1f} MB; {size / max(1, pixels):.2f} of the uncompressed pixels")
    return shown


def _unscored(root: Path, patients: Sequence[str]) -> str:
    """What becomes of data that no evaluation can be scored on: all is trained on, but patients held elsewhere."""
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.selection.select import held_patients

    opened = Cache(root)
    held = held_patients(opened.datasets(), opened.image_sets()) & set(patients)
    words = "none, as there are no labels: pre-training sees all of it"
    return words + (f" but {counted(len(held), 'patient')} held back by other data sets here" if held else "")


def _stated(table: ImageTable) -> dict[str, str]:
    """Of how many images age, sex and view are stated, and what they are."""
    views = [projection or view for projection, view in zip(table.projections, table.views, strict=True)]
    return {
        "age": _ages(table.ages.tolist(), "image"),
        "sex": _counts(table.sexes, "image"),
        "view": _counts(views, "image"),
    }


def _ages(years: Sequence[float], what: str) -> str:
    """`stated for 3 images: 41 to 73 years, median 60`; NaN is not stated."""
    known = [age for age in years if not math.isnan(age)]
    if not known:
        return "not stated"
    if min(known) == max(known):
        return f"stated for {counted(len(known), what)}: {known[0]:g} years"
    spread = f"{min(known):g} to {max(known):g} years, median {median(known):g}"
    return f"stated for {counted(len(known), what)}: {spread}"


def _counts(values: Sequence[str], what: str) -> str:
    """`stated for 12 images: 7 female, 5 male`; empty is not stated."""
    found = Counter(value for value in values if value)
    listed = ", ".join(f"{count} {value}" for value, count in sorted(found.items()))
    return f"stated for {counted(found.total(), what)}: {listed}" if listed else "not stated"
