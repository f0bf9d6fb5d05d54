"""What the columns of anyone's own table of images stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pcrl.datasets.case import LayoutError
from pcrl.datasets.image import LABEL_VALUES
from pcrl.datasets.layouts.images.classes import ClassColumn, class_column
from pcrl.datasets.rows import columns, rows

IMAGE = (
    "path", "image path", "study path", "file path", "filepath", "file", "file name", "filename", "image file",
    "image name", "image", "image index", "image id", "imagepath", "imagefile", "imagename", "imageindex", "imageid",
    "img", "img id", "dicom id", "dicom", "sopinstanceuid", "sop instance uid", "uid", "id",
)  # fmt: skip
"""Names of the column with the image, the first one found counts; case, underscores and hyphens do not matter."""
PATIENT = ("patient", "patient id", "patientid", "subject", "subject id", "subjectid")
STUDY = ("study", "study id", "studyid")
VIEW = ("view", "view position", "viewposition", "frontal/lateral")
SPLIT = ("split",)
AGE = ("age", "patient age", "patientage", "age years", "age at study", "age in years")
SEX = ("sex", "gender", "patient sex", "patientsex", "patient gender", "patientsex dicom")
PROJECTION = ("ap/pa", "projection", "view position", "viewposition", "viewposition dicom", "view")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns, as they are in the table."""

    image: str
    patient: str | None
    study: str | None
    view: str | None
    split: str | None
    labels: tuple[str, ...]
    classes: ClassColumn | None = None
    age: str | None = None
    sex: str | None = None
    projection: str | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels: columns, then classes."""
        return (*self.labels, *(self.classes.labels if self.classes else ()))


def recognise(table: Path, patient_column: str | None) -> tuple[Columns, list[str]]:
    """The table's columns, and notes about those that are skipped.

    Raises:
        LayoutError: no column for the image, no label, no column `patient_column`.
    """
    header = [name for name in columns(table) if name]
    # RSNA names images by its patients, of whom it has one each.
    image = _first(header, IMAGE) or _first(header, PATIENT)
    if image is None:
        raise LayoutError(
            f"{table}, line 1: no column names the image; found {', '.join(header)}. Call it one of {', '.join(IMAGE)}"
        )
    if patient_column is not None and patient_column not in header:
        raise LayoutError(f"{table}, line 1: no column {patient_column!r}; found {', '.join(header)}")
    patient = patient_column or _first(header, PATIENT)
    if patient == image and patient_column is None:
        patient = None
    study, view, split = (_first(header, known) for known in (STUDY, VIEW, SPLIT))
    age, sex, projection = (_first(header, known) for known in (AGE, SEX, PROJECTION))
    others = [name for name in header if name not in (image, patient, study, view, split)]
    labels, reasons = _labels(table, others)
    # Of 1 and 0 nobody knows which is which: such a column is a label, whatever it is called.
    age, sex, projection = (None if name in labels else name for name in (age, sex, projection))
    reasons = {name: why for name, why in reasons.items() if name not in (age, sex, projection)}
    classes = class_column(table, reasons)
    if classes is not None:
        del reasons[classes.column]
        if twice := sorted(set(classes.labels) & set(labels)):
            raise LayoutError(
                f"{table}: {', '.join(twice)} is a column, and a class in column {classes.column}: rename or remove one"
            )
    if not labels and classes is None:
        raise LayoutError(
            f"{table}: no column is a label, which holds nothing but 1, 0, -1 and blanks, or names of classes. "
            f"Found {', '.join(reasons.values()) or 'no other column'}"
        )
    notes = [classes.note] if classes else []
    if reasons:
        notes.append(f"{table}: columns that are not labels were skipped: {', '.join(reasons.values())}")
    return Columns(image, patient, study, view, split, labels, classes, age, sex, projection), notes


def _first(header: list[str], known: tuple[str, ...]) -> str | None:
    plain = {name.lower().replace("_", " ").replace("-", " "): name for name in reversed(header)}
    return next((plain[name] for name in known if name in plain), None)


def _labels(table: Path, others: list[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Columns that are labels, and for each other the reason why it is none."""
    reasons: dict[str, str] = {}
    filled: set[str] = set()
    for line, row in rows(table):
        for name in others:
            if row[name] not in LABEL_VALUES:
                reasons.setdefault(name, f"{name} ({row[name][:20]!r} in line {line})")
            elif row[name]:
                filled.add(name)
    reasons.update({name: f"{name} (empty)" for name in others if name not in filled | reasons.keys()})
    return tuple(name for name in others if name not in reasons), reasons
