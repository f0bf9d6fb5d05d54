"""nnU-Net's layout: the Medical Segmentation Decathlon after conversion, and anyone's own labelled data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError, Unreadable
from pcrl.datasets.layouts.volumes.nnunet.description import read_description
from pcrl.datasets.layouts.volumes.nnunet.files import PLACES, Files, by_case, ending_of, listed
from pcrl.datasets.layouts.volumes.nnunet.splits import read_splits
from pcrl.datasets.names import printable, safe_name, with_safe_names
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import check_folder, wrong
from pcrl.listing import counted, few

EXPECTED = """\
  DatasetXXX_NAME/dataset.json                             (channel_names, labels, file_ending)
  DatasetXXX_NAME/imagesTr/CASE_0000.nii.gz, …             (one file a channel: _0000, _0001, …)
  DatasetXXX_NAME/labelsTr/CASE.nii.gz, …
  DatasetXXX_NAME/imagesTs/CASE_0000.nii.gz, …             (optional)
  DatasetXXX_NAME/splits_final.json                        (optional: fold 0 gives the validation cases)
  DatasetXXX_NAME/patients.csv                             (optional: case,patient)"""
_FOLDER = re.compile(r"(Dataset|Task)\d+_.+")


def find(source: Path) -> Dataset:
    """One data set in nnU-Net's raw format; `source` is its folder, or holds just one such folder.

    Raises:
        LayoutError: none or several there; `dataset.json` damaged; no case with all its channels.
    """
    check_folder(source, "nnunet", EXPECTED)
    root = _root(source)
    said = read_description(root / "dataset.json")
    ending, notes = ending_of(root, said)
    (train, few_of_train), (test, few_of_test) = (
        by_case(root, images, ending, said.channels) for images, _ in PLACES
    )
    incomplete = (*few_of_train, *few_of_test)
    if not train and not test:
        if incomplete:
            raise LayoutError(f"no case of {root} has all its channels: {incomplete[0].reason}")
        raise wrong(root, "nnunet", EXPECTED)
    if both := sorted(train.keys() & test.keys()):
        raise LayoutError(
            f"{root}: case {printable(both[0])} is in imagesTr and in imagesTs: rename or remove one"
        )
    cases = [
        replace(case, split="test" if images == "imagesTs" else None, modality=said.modality)
        for found, (images, labels) in zip((train, test), PLACES, strict=True)
        for case in _cases(root / labels, found, ending)
    ]
    labelled = [case.name for case in cases if case.label is not None]
    splits = read_splits(
        root, train.keys(), [n for n in labelled if n in train], any(n in test for n in labelled)
    )
    cases = [
        replace(case, split=case.split or splits.splits.get(case.name), fold=splits.folds.get(case.name))
        for case in cases
    ]
    return Dataset(
        safe_name(root.name).lower(),
        root,
        with_patients(with_safe_names(cases), root, {one.name for one in incomplete}),
        said.labels,
        notes=(*said.notes, *notes, *splits.notes, *_without_partner(root, train, test, incomplete, ending)),
        unreadable=incomplete,
        regions=said.regions,
        ignored=said.ignored,
    )


def _root(source: Path) -> Path:
    if (source / "dataset.json").is_file():
        return source
    found = sorted(
        p for p in source.iterdir() if _FOLDER.fullmatch(p.name) and (p / "dataset.json").is_file()
    )
    if not found:
        raise wrong(source, "nnunet", EXPECTED)
    if len(found) > 1:
        raise LayoutError(
            f"{source} holds {', '.join(p.name for p in found)}: give one of them with --source"
        )
    return found[0]


def _without_partner(
    root: Path, train: Files, test: Files, incomplete: Iterable[Unreadable], ending: str
) -> list[str]:
    """Notes on images of training without a label, and on labels without an image."""
    notes = []
    failed = {one.name for one in incomplete}
    labels, tested = (
        [p.name.removesuffix(ending) for p in listed(root / folder) if p.name.endswith(ending)]
        for _, folder in PLACES
    )
    if bare := [name for name in train if name not in set(labels)]:
        notes.append(
            f"{counted(len(bare), 'case')} of imagesTr without a label in labelsTr, and so unlabelled: {_shown(bare)}"
        )
    lonely = [name for name in labels if name not in train] + [name for name in tested if name not in test]
    if lonely := [name for name in lonely if name not in failed]:
        notes.append(
            f"{counted(len(lonely), 'label')} without an image of that name, and so skipped: {_shown(lonely)}"
        )
    return notes


def _shown(names: Iterable[str]) -> str:
    return printable(few(names))


def _cases(labels: Path, found: Files, ending: str) -> list[Case]:
    cases = []
    for name, files in found.items():
        label = labels / f"{name}{ending}"
        cases.append(Case(name, name, files, label if label.exists() else None))
    return cases
