"""The header of one DICOM file: whether a file is one, and what of it decides where its pixels belong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcrl.datasets.about import UNSTATED, About, View, about, age_at, age_of, projection_of, sex_of, view_of
from pcrl.datasets.dicom.frames import MARKS, PLACES, Frame, frames_of
from pcrl.regular import why_not_regular

PREAMBLE = 132
"""Bytes of a file that `is_dicom` looks at."""
RADIOGRAPHS = ("CR", "DX", "DR", "RG", "RF", "PX")
"""Modalities of which a file is an image of its own, not a slice of a volume."""
_VOLUMES = ("CT", "MR", "PT", "NM", "")
_NO_SCANS = ("SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "PR", "KO", "SR", "DOC", "REG")
_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
_DIRECTORY = "1.2.840.10008.1.3.10"
_REPRESENTATIONS = {b"UI", b"CS", b"UL", b"LO", b"DA", b"TM", b"SH", b"OB", b"US"}
_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesInstanceUID", "StudyInstanceUID", "SeriesNumber", "PatientID",
    "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "ViewPosition", "SamplesPerPixel", "ImageType",
    "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "PixelRepresentation",
)  # fmt: skip


class DicomError(ValueError):
    """A DICOM file, or a stack of them, that cannot be used; the message names what and why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Of whom a file says that it is, as it says so: never to be stored."""

    id: str
    birth: str
    sex: str
    study: str


@dataclass(frozen=True, slots=True)
class Header:
    """What one file says of itself.

    Args:
        sop_class: the kind of object, as a unique identifier.
        left_out: why it is neither a slice of a volume nor a radiograph; empty if it is one.
        series: its unique identifier; `series_number` counts within the study.
        frames: one, or those of a multi-frame file; none of a radiograph.
        about: age, sex and projection, as `about_of` reads them.
        view: of a radiograph.
    """

    file: Path
    sop_class: str
    modality: str
    series: str
    series_number: str
    person: Person
    left_out: str
    frames: tuple[Frame, ...]
    about: About = UNSTATED
    view: View = ""

    @property
    def is_radiograph(self) -> bool:
        """Whether it is an image of its own."""
        return not self.left_out and self.modality in RADIOGRAPHS


def looks_like_dicom(beginning: bytes) -> bool:
    """Whether the first `PREAMBLE` bytes are those of a DICOM file; one without preamble begins with group 2 or 8."""
    if beginning[128:132] == b"DICM":
        return True
    if beginning[:2] not in (b"\x02\x00", b"\x08\x00") or len(beginning) < PREAMBLE:
        return False
    element, kind, length = beginning[2:4], beginning[4:6], int.from_bytes(beginning[4:8], "little")
    return element[1:] in (b"\x00", b"\x01") and (kind in _REPRESENTATIONS or length <= 128)


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does, with preamble or without; a link to nowhere does not.

    Raises:
        OSError: it cannot be opened.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return looks_like_dicom(file.read(PREAMBLE))


def read_header(path: Path) -> Header:
    """Read what comes before the pixels.

    Raises:
        DicomError: cut off in its header, or no DICOM after all.
    """
    from pydicom import config, dcmread

    if reason := why_not_regular(path):
        raise DicomError(f"{path}: {reason}")
    keywords: list[Any] = [*_KEYWORDS, *PLACES, *MARKS]
    try:
        with config.disable_value_validation():
            header = dcmread(path, stop_before_pixels=True, force=True, specific_tags=keywords)
            return _parsed(path, header)
    except OSError as error:
        raise DicomError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # pydicom raises whatever a damaged byte leads to
        raise DicomError(f"{path}: its DICOM header cannot be read ({error}): copy the file again") from error


def _parsed(path: Path, header: Any) -> Header:
    sop_class = text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", ""))
    if not sop_class and not text(header, "Modality") and "Rows" not in header:
        raise DicomError("no SOP class, no modality, no image")
    modality = text(header, "Modality").upper()
    left_out = _left_out(header, sop_class, modality)
    person = Person(
        *(text(header, key) for key in ("PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"))
    )
    frames = () if left_out or modality in RADIOGRAPHS else frames_of(path, header)
    series, number = text(header, "SeriesInstanceUID"), text(header, "SeriesNumber")
    return Header(path, sop_class, modality, series, number, person, left_out, frames, *about_of(header))


def about_of(header: Any) -> tuple[About, View]:
    """Age (PatientAge, else from the dates of study and birth), sex, projection and view of a DICOM file.

    What cannot be meant counts as not stated. No date leaves this function.
    """
    age = age_of(text(header, "PatientAge"))
    if age is None:
        age = age_at(text(header, "StudyDate"), text(header, "PatientBirthDate"))
    position = text(header, "ViewPosition")
    stated = about(age, sex_of(text(header, "PatientSex")) or "", projection_of(position))
    return stated, view_of(position) or ""


def _left_out(header: Any, sop_class: str, modality: str) -> str:
    from pydicom.uid import UID

    if sop_class == _DIRECTORY:
        return "DICOMDIR: a table of contents"
    name = UID(sop_class).name if sop_class else "a file of no SOP class"
    if "Rows" not in header:
        return f"{name} holds no image"
    if modality in RADIOGRAPHS:
        return ""
    if modality in _NO_SCANS:
        return f"{name} (modality {modality}) is no scan"
    placed = "ImagePositionPatient" in header or "PerFrameFunctionalGroupsSequence" in header
    # With a place in the patient it is a slice of a converted scan.
    if sop_class.startswith(_SECONDARY) and not placed:
        return f"{name}: a picture of a screen"
    if header.get("SamplesPerPixel", 1) != 1:
        return "images in colour"
    if "LOCALIZER" in _values(header.get("ImageType")):
        return "a localiser, as its ImageType says"
    if modality not in _VOLUMES and not placed:
        return f"modality {modality} is neither a volume nor a radiograph ({', '.join(RADIOGRAPHS)})"
    return ""


def text(header: Any, keyword: str) -> str:
    """A value as text without spaces and zero bytes around it; empty if there is none."""
    value = header.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _values(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value or ()]
