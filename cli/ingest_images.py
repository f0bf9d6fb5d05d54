"""The part of `pcrl ingest` that is for images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from .console import console, duration, progress

if TYPE_CHECKING:
    from pcrl.datasets.image import ImageDataset
    from pcrl.engine.cache.images.dataset import CachedImages, ImageFile

SHOWN = 20
"""Failures that are printed; all of them are in the table."""


def ingest_images(
    found: ImageDataset, cache: Path, recipe: str | None, overrides: tuple[str, ...], threads: int
) -> bool:
    """Ingest a data set of images, and say what came of it; whether all of them could be read."""
    from pcrl.engine.cache.images.dataset import CachedImages
    from pcrl.engine.images.ingest.plan import plan
    from pcrl.engine.images.ingest.run import run
    from pcrl.engine.recipe import ingest_recipe
    from pcrl.engine.space import check_space

    settings = ingest_recipe(cache / found.name, 2, recipe, overrides)
    assert settings.dimensions == 2
    with console.status("comparing with the cache"):
        planned = plan(found, cache, settings)
    for note in planned.notes:
        console.print(f"[yellow]note[/] {escape(note)}")
    check_space(planned.folder, planned.bytes_needed, "a smaller data.size")
    data = settings.data
    console.print(
        f"{found.name}: {planned.todo} images to do, {planned.images - planned.todo} already there. Recipe "
        f"{settings.name}: shorter side {data.size}, {data.bits} bits, {data.codec}. About "
        f"{duration(planned.seconds_needed(threads))} with {threads} workers and at most "
        f"{planned.bytes_needed / 1e9:.2f} GB."
    )
    done: list[ImageFile] = []
    try:
        with progress("images") as bar:
            line = bar.add_task("ingest", total=planned.todo)
            for file in run(planned, threads):
                done.append(file)
                bar.advance(line)
                if file.error:
                    _tell("[red]failed[/]", file.name, file.error, sum(bool(f.error) for f in done))
    except KeyboardInterrupt:
        console.print(
            f"Stopped; {len(done)} of {planned.todo} read. Run it again to go on with the last shard."
        )
        raise SystemExit(130) from None
    _report(CachedImages.open(planned.folder), done, cache)
    return not any(file.error for file in done)


def _tell(kind: str, name: str, text: str, count: int) -> None:
    if count <= SHOWN:
        console.print(f"{kind} {escape(name)}: {escape(text)}")
    elif count == SHOWN + 1:
        console.print(f"{kind} … more of the kind are not printed; all are in the table")


def _report(images: CachedImages, done: list[ImageFile], cache: Path) -> None:
    from pcrl.engine.cache.images.table import TABLE

    failed = [file for file in done if file.error]
    for number, file in enumerate((f for f in done if f.note), 1):
        _tell("[yellow]note[/]", file.name, file.note, number)
    console.print(image_summary(images, cache))
    console.print(
        f"Read now: {len(done) - len(failed)}; failed: {len(failed)}. Table: {images.folder / TABLE}"
    )
    if failed:
        console.print(
            "What failed is in the table with its reason, and nothing else is lost. Mend it and run the same command "
            "again; the rest is skipped."
        )
    else:
        console.print(f"Next: pcrl pretrain --cache {cache}")


def image_summary(images: CachedImages, cache: Path) -> Table:
    """What is in a data set of images."""
    table, record = images.table, images.record
    shown = Table(show_header=False, title=f"{images.name} in {cache}", title_justify="left")
    data = record.recipe.data
    shown.add_row("recipe", f"{record.recipe.name}: shorter side {data.size}, {data.bits} bits, {data.codec}")
    made = int(table.virtual.sum())
    shown.add_row("images", f"{len(table)}" + (f", {made} of them synthetic" if made else ""))
    for split in ("train", "val", "test"):
        here = table.where(split)
        patients = {table.patients[n] for n in here}
        shown.add_row(split, f"{len(here)} images of {len(patients)} patients")
    if table.label_names:
        shown.add_row("labels", ", ".join(table.label_names))
    if table.failed:
        shown.add_row("not there", f"{len(table.failed)} that could not be read")
    size = sum(path.stat().st_size for path in images.folder.rglob("*") if path.is_file())
    pixels = int(table.shapes.astype("int64").prod(axis=1).sum()) * data.bits // 8
    shown.add_row("size", f"{size / 1e6:.1f} MB; {size / max(1, pixels):.2f} of the pixels as they are")
    return shown
