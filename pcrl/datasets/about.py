"""Age, sex, view and projection of an image, in one form, whatever tables and DICOM headers write."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from pcrl.listing import counted, few

Sex = Literal["female", "male", "other", ""]
Projection = Literal["AP", "PA", ""]
View = Literal["frontal", "lateral", ""]
OLDEST = 120
"""Years; what is above is a slip of the pen, such as the 411 years of a patient of ChestX-ray14."""
_YEARS: dict[str, float] = {"d": 365.25, "w": 365.25 / 7, "m": 12, "y": 1}
"""First letter of a unit → how many of it are a year."""
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(|[dwmy]|days?|weeks?|months?|yrs?|years?)", re.IGNORECASE)
_SEXES: dict[str, Sex] = {
    "f": "female", "female": "female", "woman": "female", "girl": "female",
    "m": "male", "male": "male", "man": "male", "boy": "male",
    "o": "other", "other": "other",
    "": "", "u": "", "unknown": "", "n": "", "none": "", "na": "", "n/a": "", "nan": "", "not stated": "",
}  # fmt: skip
_NOTHING = {"", "unknown", "none", "na", "n/a", "nan"}
_LATERAL = {"lateral", "lat", "ll", "rl", "l", "lld", "rld"}
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class About:
    """What a source states of an image and of the person at that time; nothing that says who it is.

    Args:
        age: years; none if not stated.
        sex: empty if not stated.
        projection: of a frontal radiograph, from front to back (AP) or from back to front (PA); empty if not stated.
    """

    age: float | None = None
    sex: Sex = ""
    projection: Projection = ""


UNSTATED = About()


def about(age: float | None, sex: Sex, projection: Projection) -> About:
    """What is stated. An age of 0 beside no sex is how sources such as CheXpert's tables say that they know neither."""
    return About(None if age == 0 and not sex else age, sex, projection)


def age_of(text: str) -> float | None:
    """Years, of `58`, `058Y` (DICOM), `18M`, `3 weeks`; none of what is no age of a person."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return None
    years = float(match[1]) / _YEARS[(match[2] or "y")[0].lower()]
    return round(years, 2) if years <= OLDEST else None


def age_at(study: str, birth: str) -> float | None:
    """Years from one DICOM date to another: whole ones from two years on, as ages are stated; none if there is no age.

    To the day, the age would tell the date of birth to whoever knows that of the study.
    """
    try:
        (year, month, day), born = _day(study), _day(birth)
        first, last = date(*born), date(year, month, day)
    except ValueError:
        return None
    months = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
    if not 0 <= months <= 12 * OLDEST:
        return None
    return float(months // 12) if months >= 24 else round(months / 12, 2)


def sex_of(text: str) -> Sex | None:
    """`F`, `female`, `M`, `male`, `O` (DICOM: other), or not stated; none of what is none of these."""
    return _SEXES.get(text.strip().lower())


def projection_of(text: str) -> Projection:
    """AP or PA, if a word of the text says so (`AP`, `AP_horizontal`, `PA erect`); empty of anything else."""
    plain = re.sub(r"antero-?posterior", "ap", re.sub(r"postero-?anterior", "pa", text.lower()))
    found = set(_WORD.findall(plain)) & {"ap", "pa"}
    return "" if len(found) != 1 else "AP" if "ap" in found else "PA"


def view_of(text: str) -> View | None:
    """Frontal (also of AP and PA) or lateral, or not stated; none of what is none of these."""
    words = set(_WORD.findall(text.lower()))
    if not text.strip() or words & {"unknown"}:
        return ""
    if "frontal" in words or projection_of(text):
        return "frontal"
    return "lateral" if words & _LATERAL else None


@dataclass(slots=True)
class AboutReader:
    """Reads the cells of tables, and keeps what it does not understand."""

    _strange: dict[str, Counter[str]] = field(default_factory=dict)

    def read(self, age: str = "", sex: str = "", projection: str = "") -> About:
        """What three cells say; what cannot be meant counts as not stated, and is kept for `notes`."""
        years, stated = age_of(age), sex_of(sex)
        if years is None and age.strip().lower() not in _NOTHING:
            self._strange.setdefault("age", Counter())[age] += 1
        if stated is None:
            self._strange.setdefault("sex", Counter())[sex] += 1
        return about(years, stated or "", projection_of(projection))

    def notes(self, table: object) -> list[str]:
        """One note on each kind of cell that was not understood."""
        return [
            f"{table}: {counted(cells.total(), 'cell')} of the column for {what} not understood, and so not stated: "
            f"{few([repr(cell) for cell in cells])}"
            for what, cells in self._strange.items()
        ]


def _day(text: str) -> tuple[int, int, int]:
    plain = text.replace(".", "").replace("-", "").strip()
    if not re.fullmatch(r"\d{8}", plain, re.ASCII):
        raise ValueError(text)
    return int(plain[:4]), int(plain[4:6]), int(plain[6:])
