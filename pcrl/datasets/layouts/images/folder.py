"""Any tree of radiographs: PNG, JPEG, and DICOM files of a modality that is one. No labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pcrl.datasets.image import ImageDataset, Radiograph, is_synthetic
from pcrl.datasets.names import safe_name
from pcrl.datasets.patients import FILE, with_patients
from pcrl.datasets.plain import plain_path
from pcrl.datasets.unique import names

SUFFIXES = (".png", ".jpg", ".jpeg")
DICOM_SUFFIXES = (".dcm", ".dicom")
MODALITIES = ("CR", "DX", "DR", "RG", "RF", "PX")
"""DICOM modalities of which a file is an image of its own, not a slice of a volume."""
SHARES = (0.1, 0.2)


def dataset(source: Path, files: Iterable[Path]) -> ImageDataset:
    """The files below `source`, each named by its path; the data set is named by the folder.

    Raises:
        LayoutError: a `patients.csv` that does not fit; names the line.
    """
    paths = [file.relative_to(source).as_posix() for file in files]
    named, synthetic = names(paths), is_synthetic(source)
    images = (
        Radiograph(named[path], path, named[path], named[path], "", None, (), synthetic) for path in paths
    )
    notes = []
    if not (source / FILE).is_file():
        notes.append(
            f"{source} has no {FILE} (case,patient): each image counts as a patient of its own. If some are of one "
            "person, say so there, or that person may be in training and test"
        )
    return ImageDataset(
        safe_name(source.resolve().name).lower(),
        source,
        (),
        with_patients(images, source),
        SHARES,
        tuple(notes),
    )


def is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM preamble; a link to nowhere does not."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def is_radiograph(path: Path) -> bool:
    """Whether a DICOM file's modality is one of `MODALITIES`; what cannot be read counts as a slice."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    with plain_path(path) as plain:
        reader.SetFileName(str(plain))
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            return False  # It becomes a case, and whoever reads its pixels says what is wrong with it.
    tag = "0008|0060"
    return reader.HasMetaDataKey(tag) and reader.GetMetaData(tag).strip() in MODALITIES
