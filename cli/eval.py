"""`pcrl eval`: fine-tune with few labels, score on patients that nothing has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .eval_options import FOLDS, TARGET, UNCERTAIN, VIEWS, options_of
from .eval_run import run
from .eval_table import ingest_table


@click.group("eval")
def evaluate() -> None:
    """Score a pre-trained encoder on a task, beside whatever it is to be compared with.

    \b
    Examples:
      pcrl eval lits --fraction 0.1
      pcrl eval chexpert --fraction 0.1 --arms pretrained,scratch,shuffled --seeds 3
      pcrl eval brats --resume
    """


@evaluate.command()
@options_of(FOLDS, TARGET)
def lits(**options: Any) -> None:
    """LiTS: segmentation of the liver, or of the liver and the tumours in it.

    Without --checkpoint it takes the newest finished run that fits. Dice and HD95 are of the original grid.

    \b
    Example:
      pcrl eval lits --fraction 0.1 --from-scratch --seeds 3
    """
    run("lits", "lits", **options)


@evaluate.command()
@options_of(FOLDS)
def brats(**options: Any) -> None:
    """BraTS: whole tumour, tumour core and enhancing tumour in four MR sequences.

    \b
    Example:
      pcrl eval brats --fraction 0.1 --from-scratch
    """
    run("brats", "brats", **options)


@evaluate.command()
@options_of(FOLDS)
def luna(**options: Any) -> None:
    """LUNA16: is a candidate a nodule? AUROC, FROC and CPM over the candidates of the test scans.

    candidates_V2.csv and annotations.csv are taken into the cache with the scans.

    \b
    Examples:
      pcrl eval luna --fraction 0.1 --from-scratch
      pcrl eval luna --arms scratch --folds 0-9
    """
    run("luna", "luna", **options)


@evaluate.command()
@click.option("--dataset", help="Its name in the cache.")
@options_of(FOLDS)
def segmentation(dataset: str | None, **options: Any) -> None:
    """Segmentation on any labelled data set of the cache; every label value is a class.

    \b
    Example:
      pcrl eval segmentation --dataset dataset009_spleen --fraction 0.5
    """
    if dataset is None and not options["resume"]:
        raise click.UsageError("give --dataset: its name in the cache")
    run("segmentation", dataset or "", **options)


@evaluate.command()
@options_of(VIEWS, UNCERTAIN)
def chexpert(**options: Any) -> None:
    """CheXpert: 14 observations are learnt, the five of the competition scored, per image and per study.

    The published valid (and test, if present) is scored, and chooses nothing.

    \b
    Example:
      pcrl eval chexpert --fraction 0.1 --from-scratch --seeds 3
    """
    run("chexpert", "chexpert", **options)


@evaluate.command()
@options_of(VIEWS, UNCERTAIN)
def chestxray(**options: Any) -> None:
    """ChestX-ray14: 14 findings, on the official test list.

    \b
    Example:
      pcrl eval chestxray --fraction 0.01 --from-scratch
    """
    run("chestxray", "chestxray", **options)


@evaluate.command()
@click.option("--dataset", help="Its name in the cache.")
@click.option(
    "--table", type=click.Path(path_type=Path), help="Labels of your own images; ingested if they are not."
)
@click.option(
    "--images", type=click.Path(path_type=Path), help="Folder that the paths in --table start from."
)
@click.option("--patient-column", help="Of --table.  [default: recognised by its name]")
@options_of(VIEWS, UNCERTAIN)
def classification(
    dataset: str | None, table: Path | None, images: Path | None, patient_column: str | None, **options: Any
) -> None:
    """Classification on any labelled images: a data set of the cache, or a table and a folder of your own.

    \b
    Examples:
      pcrl eval classification --dataset chexpert --from-scratch
      pcrl eval classification --table labels.csv --images ~/radiographs --patient-column person
    """
    if options["resume"]:
        run("classification", dataset or "", **options)
        return
    if (dataset is None) == (table is None) or (table is None) != (images is None):
        raise click.UsageError("give either --dataset, or --table together with --images")
    if table is not None and images is not None:
        dataset = ingest_table(
            table, images, patient_column, options["cache"], options["recipe"], options["overrides"]
        )
    assert dataset is not None
    run("classification", dataset, **options)
