"""nnU-Net's layout: the Medical Segmentation Decathlon after conversion, and anyone's own labelled data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError
from pcrl.datasets.layouts.volumes.nnunet.description import Description, read_description
from pcrl.datasets.layouts.volumes.nnunet.splits import read_splits
from pcrl.datasets.names import printable, safe_name, with_safe_names
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import check_folder, natural, wrong
from pcrl.listing import few

EXPECTED = """\
  DatasetXXX_NAME/dataset.json                             (channel_names, labels, file_ending)
  DatasetXXX_NAME/imagesTr/CASE_0000.nii.gz, …             (one file a channel: _0000, _0001, …)
  DatasetXXX_NAME/labelsTr/CASE.nii.gz, …
  DatasetXXX_NAME/imagesTs/CASE_0000.nii.gz, …             (optional)
  DatasetXXX_NAME/splits_final.json                        (optional: fold 0 gives the validation cases)
  DatasetXXX_NAME/patients.csv                             (optional: case,patient)"""
_FOLDER = re.compile(r"(Dataset|Task)\d+_.+")
_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
_PLACES = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"))
Files = Mapping[str, tuple[Path, ...]]


def find(source: Path) -> Dataset:
    """One data set in nnU-Net's raw format; `source` is its folder, or holds just one such folder.

    Raises:
        LayoutError: none or several there; `dataset.json` damaged; an image without all its channels.
    """
    check_folder(source, "nnunet", EXPECTED)
    root = _root(source)
    said = read_description(root / "dataset.json")
    ending, notes = _ending(root, said)
    train, test = (_by_case(root, images, ending, said.channels) for images, _ in _PLACES)
    if not train and not test:
        raise wrong(root, "nnunet", EXPECTED)
    if both := sorted(train.keys() & test.keys()):
        raise LayoutError(
            f"{root}: case {printable(both[0])} is in imagesTr and in imagesTs: rename or remove one"
        )
    cases = [
        replace(case, split="test" if images == "imagesTs" else None, modality=said.modality)
        for found, (images, labels) in zip((train, test), _PLACES, strict=True)
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
    bare = [
        f"case {printable(name)} has no label in labelsTr: unlabelled"
        for name in train
        if name not in labelled
    ]
    return Dataset(
        safe_name(root.name).lower(),
        root,
        with_patients(with_safe_names(cases), root),
        said.labels,
        notes=(*said.notes, *notes, *splits.notes, *bare),
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


def _ending(root: Path, said: Description) -> tuple[str, tuple[str, ...]]:
    """The ending of all files: as stated, else what the images have; and a note on the latter."""
    names = [path.name for images, _ in _PLACES for path in _listed(root / images)]
    present = dict.fromkeys(_ending_of(name) for name in names)
    present.pop("", None)
    if said.ending:
        if names and not any(name.endswith(said.ending) for name in names):
            raise LayoutError(
                f"{root / 'dataset.json'}: file_ending is {said.ending!r}, and no image ends so; there are "
                f"{printable(few(names))}. Mend file_ending{f': {next(iter(present))}' * (len(present) == 1)}"
            )
        return said.ending, ()
    if len(present) > 1:
        raise LayoutError(
            f"{root / 'dataset.json'} has no file_ending, and images end in {', '.join(present)}: state one of them"
        )
    ending = next(iter(present), ".nii.gz")
    return ending, () if ending == ".nii.gz" else (f"dataset.json has no file_ending: {ending} is taken",)


def _ending_of(name: str) -> str:
    return next((ending for ending in _ENDINGS if name.lower().endswith(ending)), "")


def _listed(folder: Path) -> list[Path]:
    """Files of a folder in natural order, without hidden ones such as the `._NAME` that macOS leaves."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: natural(p.name))


def _by_case(root: Path, images: str, ending: str, channels: tuple[str, ...]) -> Files:
    """The files of each case, in the order of channels."""
    numbered: dict[str, dict[int, Path]] = {}
    plain: dict[str, Path] = {}
    for path in _listed(root / images):
        if path.name.endswith(ending):
            stem = path.name.removesuffix(ending)
            match = re.fullmatch(r"(.+)_(\d{4})", stem, re.ASCII | re.DOTALL)
            if match:
                numbered.setdefault(match[1], {})[int(match[2])] = path
            else:
                plain[stem] = path
    if plain and not numbered:
        raise LayoutError(
            f"{root / images} holds {printable(few([path.name for path in plain.values()]))}, without the number of a "
            f"channel: expected names such as {printable(next(iter(plain)))}_0000{ending}. The Decathlon is published "
            "so: convert it (nnUNetv2_convert_MSD_dataset), or rename the files"
        )
    for name, files in numbered.items():
        if sorted(files) != list(range(len(channels))):
            raise LayoutError(
                f"{root / images}: case {printable(name)} has {len(files)} channels "
                f"({', '.join(f'_{number:04}' for number in sorted(files))}), dataset.json names {len(channels)} "
                f"({', '.join(channels)})"
            )
    return {name: tuple(files[number] for number in sorted(files)) for name, files in numbered.items()}


def _cases(labels: Path, found: Files, ending: str) -> list[Case]:
    cases = []
    for name, files in found.items():
        label = labels / f"{name}{ending}"
        cases.append(Case(name, name, files, label if label.exists() else None))
    return cases
