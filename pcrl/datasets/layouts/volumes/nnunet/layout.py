"""nnU-Net's layout: the Medical Segmentation Decathlon after conversion, and anyone's own labelled data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pcrl.config import Modality
from pcrl.datasets.case import Case, Dataset, LayoutError, Split
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import check_folder, natural, safe_name, wrong

EXPECTED = """\
  DatasetXXX_NAME/dataset.json                             (channel_names, labels, file_ending)
  DatasetXXX_NAME/imagesTr/CASE_0000.nii.gz, …             (one file a channel: _0000, _0001, …)
  DatasetXXX_NAME/labelsTr/CASE.nii.gz, …
  DatasetXXX_NAME/imagesTs/CASE_0000.nii.gz, …             (optional)
  DatasetXXX_NAME/splits_final.json                        (optional: fold 0 gives the validation cases)
  DatasetXXX_NAME/patients.csv                             (optional: case,patient)"""
_FOLDER = re.compile(r"Dataset\d{3}_.+")


def find(source: Path) -> Dataset:
    """One data set in nnU-Net's raw format; `source` is its folder, or holds just one such folder.

    Raises:
        LayoutError: none or several there; `dataset.json` damaged; an image without all its channels.
    """
    check_folder(source, "nnunet", EXPECTED)
    root = _root(source)
    description = _json(root / "dataset.json")
    ending = str(description.get("file_ending", ".nii.gz"))
    channels: dict[str, str] = description.get("channel_names") or description.get("modality") or {}
    if not channels:
        raise LayoutError(
            f"{root / 'dataset.json'} names no channels: expected channel_names, such as {{'0': 'CT'}}"
        )
    validation = _validation(root)
    cases = []
    notes = []
    for folder, labels, split in (("imagesTr", "labelsTr", None), ("imagesTs", "labelsTs", "test")):
        for name, files in _by_case(root / folder, ending).items():
            if len(files) != len(channels):
                raise LayoutError(
                    f"{root / folder}: case {name} has {len(files)} channels, dataset.json names {len(channels)} "
                    f"({', '.join(channels.values())})"
                )
            label = root / labels / f"{name}{ending}"
            given: Split | None = "test" if split else None
            if given is None and validation is not None:
                given = "val" if name in validation else "train"
            cases.append(
                Case(safe_name(name), safe_name(name), files, label if label.exists() else None, given,
                     modality=_modality(channels))
            )  # fmt: skip
            if folder == "imagesTr" and not label.exists():
                notes.append(f"case {name} has no label in {labels}: unlabelled")
    if not cases:
        raise wrong(root, "nnunet", EXPECTED)
    return Dataset(
        safe_name(root.name).lower(),
        root,
        with_patients(cases, root),
        _labels(root, description),
        notes=tuple(notes),
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


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise LayoutError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise LayoutError(f"{path}: expected an object, found {type(content).__name__}")
    return content


def _by_case(folder: Path, ending: str) -> dict[str, tuple[Path, ...]]:
    pattern = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural(p.name)) if folder.is_dir() else []:
        if match := pattern.fullmatch(path.name):
            found.setdefault(match[1], []).append(path)
    return {name: tuple(sorted(files)) for name, files in found.items()}


def _validation(root: Path) -> set[str] | None:
    path = root / "splits_final.json"
    if not path.is_file():
        return None
    try:
        return set(json.loads(path.read_text(encoding="utf-8"))[0]["val"])
    except (json.JSONDecodeError, LookupError, TypeError) as error:
        raise LayoutError(f"{path}: expected a list of folds, each with train and val: {error!r}") from error


def _labels(root: Path, description: dict[str, Any]) -> dict[int, str]:
    names = {}
    for name, value in description.get("labels", {}).items():
        if not isinstance(value, int):
            raise LayoutError(
                f"{root / 'dataset.json'}: label {name} is {value!r}; regions of several values are not supported: "
                "give each value a name of its own"
            )
        if value and name != "ignore":
            names[value] = name
    return names


def _modality(channels: dict[str, str]) -> Modality | None:
    names = {name.strip().lower() for name in channels.values()}
    if names == {"ct"}:
        return "ct"
    return "mr" if names <= {"mr", "mri", "t1", "t2", "flair", "t1ce", "t1gd", "t1c", "adc"} else None
