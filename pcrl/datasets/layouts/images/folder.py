"""Any tree of radiographs: PNG, JPEG, and DICOM files of a modality that is one. No labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pcrl.datasets.dicom.header import Header
from pcrl.datasets.dicom.people import people
from pcrl.datasets.dicom.secret import secret
from pcrl.datasets.image import ImageDataset, Radiograph, is_synthetic
from pcrl.datasets.names import safe_name
from pcrl.datasets.patients import FILE, with_patients
from pcrl.datasets.unique import names
from pcrl.listing import counted, few

SUFFIXES = (".png", ".jpg", ".jpeg")
DICOM_SUFFIXES = (".dcm", ".dicom")
SHARES = (0.1, 0.2)


def dataset(source: Path, files: Iterable[Path], headers: Sequence[Header] = ()) -> ImageDataset:
    """The files below `source`, each named by its path; the data set is named by the folder.

    Args:
        headers: of those that are DICOM, which name their patients; `patients.csv` goes before them.

    Raises:
        LayoutError: a `patients.csv` that does not fit; names the line.
    """
    paths = [file.relative_to(source).as_posix() for file in files]
    named, synthetic = names(paths), is_synthetic(source)
    stated = {header.file.relative_to(source).as_posix(): header for header in headers}
    images: list[Radiograph] = [
        Radiograph(named[path], path, named[path], named[path], "", None, (), synthetic)
        if (header := stated.get(path)) is None
        else Radiograph(
            named[path], path, named[path], named[path], header.view, None, (), synthetic, header.about
        )
        for path in paths
    ]
    digest, notes = "", list[str]()
    problems: tuple[str, ...] = ()
    if headers:
        key = secret()
        digest, notes = key.digest, [key.note] if key.note else []
        persons = [header.person if (header := stated.get(image.path)) else None for image in images]
        known = people(persons, key)
        problems = known.problems
        for index, (person, name) in enumerate(zip(persons, known.names, strict=True)):
            if person is not None and name is not None:
                study = key.name(f"study:{person.study}") if person.study else images[index].name
                images[index] = replace(images[index], patient=name, study=f"{name}/{study}")
    of_patients = with_patients(images, source)
    alone = [
        image.name for image in of_patients if image.patient == image.name or image.patient[:6] == "study-"
    ]
    if alone and not (source / FILE).is_file():
        why = f" ({'; '.join(problems)})" if problems else ""
        notes.append(
            f"{source} has no {FILE} (case,patient), and {counted(len(alone), 'image')} no known patient{why}, such as "
            f"{few(alone)}: each counts as a patient of its own, unless said otherwise. If some are of "
            "one person, say so there, or that person may be in training and test"
        )
    return ImageDataset(
        safe_name(source.resolve().name).lower(), source, (), of_patients, SHARES, tuple(notes), secret=digest
    )
