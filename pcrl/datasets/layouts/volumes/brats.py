"""BraTS, the Brain Tumour Segmentation challenge: four MR channels a case, in the file names of any year since 2017."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.case import Case, Dataset, LayoutError, Unreadable
from pcrl.datasets.label_names import FILE as LABEL_NAMES
from pcrl.datasets.label_names import stated_labels
from pcrl.datasets.layouts.volumes.grades import GRADE, grades_of
from pcrl.datasets.names import with_safe_names
from pcrl.datasets.patients import with_patients
from pcrl.datasets.tree import cannot_be_read, check_folder, natural, walk, wrong
from pcrl.listing import few

EXPECTED = """\
  HGG/Brats18_X/Brats18_X_t1.nii.gz, …_t1ce…, …_t2…, …_flair…, …_seg…      (2017–2021; any depth; .nii or .nii.gz)
  LGG/…
  BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1n.nii.gz, …-t1c…, …-t2w…, …-t2f…, …-seg…   (2023 on; one naming a folder)
  patients.csv                                                             (optional: case,patient)
  name_mapping.csv            (optional: column Grade, where no folder is HGG or LGG; any table that has it)
  labels.csv                  (value,name: what label values mean, where the names of the files do not say it)"""
CHANNELS = ("t1", "t1ce", "t2", "flair")
"""The channels of a case, in their order."""
LABELS = {1: "necrotic core", 2: "oedema", 4: "enhancing tumour"}
LATER_LABELS = {1: "necrotic core", 2: "oedema", 3: "enhancing tumour"}
"""From 2023 on, enhancing tumour is 3."""
LATER_CHALLENGES = ("GLI", "MEN", "MET", "SSA")
"""Those of whose files this is true in every release. Of BraTS-PED, 4 is oedema and 1 enhancing tumour in one release,
2 and 3 in another."""
PARTS = (
    "necrotic core",
    "non-enhancing tumour",
    "cystic component",
    "enhancing tumour",
    "oedema",
    "resection cavity",
)
"""Names that `labels.csv` may give."""
_SEGMENTATION = "seg"
_LATER_CHANNELS = dict(zip(("t1n", "t1c", "t2w", "t2f"), CHANNELS, strict=True))
_FILE = re.compile(r"((?i:brats)\w*)_(t1|t1ce|t2|flair|seg)\.nii(?:\.gz)?", re.ASCII)
_LATER_FILE = re.compile(
    r"((BraTS-([A-Za-z]+(?:-[A-Za-z]+)*)-\d+)(?:-\d+)?)-(t1n|t1c|t2w|t2f|seg)\.nii(?:\.gz)?", re.ASCII
)
_VOLUME = re.compile(r".*\.nii(?:\.gz)?")
_SHOWN = 8


def find(source: Path) -> Dataset:
    """All cases below `source` with their four channels, and their segmentations if they have one.

    A case is a patient of its own; from 2023 on names are `BraTS-GLI-PPPPP-TTT`, and all time points TTT are of one
    patient. Its stratum is the grade, where that is stated.

    Raises:
        LayoutError: no case with four channels; both namings, or challenges whose labels need not mean the same, in one
            tree; a file in two places.
    """
    check_folder(source, "brats", EXPECTED)
    files: dict[str, dict[str, Path]] = {}
    patients: dict[str, str] = {}
    challenges: dict[str, str] = {}
    strays: list[Path] = []
    closed: list[OSError] = []
    for path in _volumes(source, closed):
        if match := _LATER_FILE.fullmatch(path.name):
            case, patients[match[1]], kind = match[1], match[2], match[4]
            challenges.setdefault(match[3], match[1])
            kind = _LATER_CHANNELS.get(kind, kind)
        elif match := _FILE.fullmatch(path.name):
            case, kind = match[1], match[2]
        else:
            strays.append(path)
            continue
        known = files.setdefault(case, {})
        if kind in known:
            raise LayoutError(f"{case} has {kind} twice: {known[kind]} and {path}; remove one")
        known[kind] = path
    if patients:
        _check_one_naming(source, files, patients)
    names = sorted((name for name in files if _missing(files[name]) == []), key=natural)
    incomplete = _incomplete(files)
    notes = _without_segmentation({name: files[name] for name in names}, strays)
    if not names:
        reasons = [one.reason for one in incomplete[:_SHOWN]]
        raise LayoutError("\n".join([str(wrong(source, "brats", EXPECTED)), *reasons, *notes]))
    cases = [
        Case(
            name,
            patients.get(name, name),
            tuple(files[name][channel] for channel in CHANNELS),
            files[name].get(_SEGMENTATION),
            modality="mr",
        )
        for name in names
    ]
    labels, questions = _meanings(source, challenges)
    grades, doubts = grades_of({name: next(iter(files[name].values())) for name in names}, source)
    cases = [replace(case, stratum=grades.get(case.name, "")) for case in cases]
    return Dataset(
        "brats",
        source,
        with_patients(with_safe_names(cases), source, {one.name for one in incomplete}),
        labels,
        notes=(*notes, *questions, *doubts),
        unreadable=(*incomplete, *cannot_be_read(closed, source)),
        strata=GRADE,
    )


def _meanings(source: Path, challenges: Mapping[str, str]) -> tuple[dict[int, str], list[str]]:
    """What label values mean, and a note if nobody knows. `challenges` holds a case of each."""
    stated = stated_labels(source, PARTS)
    unknown = {name: case for name, case in challenges.items() if name not in LATER_CHALLENGES}
    if unknown and len(unknown) < len(challenges):
        one, other = next(iter(unknown.values())), next(c for n, c in challenges.items() if n not in unknown)
        raise LayoutError(
            f"{source} holds {one} and {other}, whose label values need not mean the same: give the folder of one "
            "challenge with --source"
        )
    if stated is not None:
        return stated, []
    if not unknown:
        return dict(LATER_LABELS if challenges else LABELS), []
    note = (
        f"what the label values of BraTS-{few(unknown)} mean differs between its releases, or is not known: scans and "
        f"labels are taken, and `pcrl eval brats` is refused until {source / LABEL_NAMES} says it, with columns "
        f"value,name and names out of {', '.join(PARTS)}"
    )
    return {}, [note]


def _volumes(source: Path, closed: list[OSError]) -> Iterator[Path]:
    for folder, names in walk(source, closed):
        yield from (folder / name for name in names if _VOLUME.fullmatch(name))


def _check_one_naming(source: Path, files: Iterable[str], later: Iterable[str]) -> None:
    """Refuse a tree with both namings: enhancing tumour is 4 in one of them and 3 in the other."""
    earlier = sorted(set(files) - set(later), key=natural)
    if earlier:
        raise LayoutError(
            f"{source} holds BraTS in two namings: {earlier[0]}, of up to 2021, where enhancing tumour is 4, and "
            f"{min(later, key=natural)}, of 2023 on, where it is 3. Give the folder of one of them with --source"
        )


def _missing(files: Mapping[str, Path]) -> list[str]:
    return [channel for channel in CHANNELS if channel not in files]


def _incomplete(files: Mapping[str, Mapping[str, Path]]) -> tuple[Unreadable, ...]:
    """Cases that lack a channel."""
    return tuple(
        Unreadable(
            name,
            f"{next(iter(files[name].values())).parent}: case {name} has no {', '.join(missing)}; it has "
            f"{', '.join(files[name])}: add the missing file, or take the case out",
        )
        for name in sorted(files, key=natural)
        if (missing := _missing(files[name]))
    )


def _without_segmentation(files: Mapping[str, Mapping[str, Path]], strays: Iterable[Path]) -> list[str]:
    """Notes on cases without a segmentation, and on files of other names, one of which may be it."""
    bare = [name for name, known in files.items() if _SEGMENTATION not in known]
    notes = [f"without a segmentation, and so unlabelled: {few(bare, _SHOWN)}"] if bare else []
    if names := [str(path) for path in strays]:
        notes.append(f"named otherwise than expected, and so skipped: {few(names, _SHOWN)}")
    return notes
