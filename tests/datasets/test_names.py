"""Names: safe, unique, the same whatever else there is, and printable whatever bytes they are made of."""

import os
import unicodedata
from pathlib import Path

import pytest

from pcrl.datasets.case import Case, LayoutError
from pcrl.datasets.names import LONGEST, ascii_name, is_plain, printable, safe_name, with_safe_names
from pcrl.datasets.patients import with_patients

BYTES = os.fsdecode(b"M\x81ller")


def cases(*names):
    return [Case(name, name, (Path(f"{name}.nii"),)) for name in names]


def named(*names):
    return [case.name for case in with_safe_names(cases(*names))]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("volume-1.a_B", "volume-1.a_B"),
        ("a/b c", "a-b-c"),
        ("病例甲", "病例甲"),
        ("[red]x[bold]", "red-x-bold"),
        ("two\nlines", "two-lines"),
        (BYTES, "M-ller"),
        ("../..", "case"),
        ("", "case"),
    ],
)
def test_safe_names(text, name):
    assert safe_name(text) == name


def test_letters_with_marks_are_one_name_however_they_are_written():
    assert safe_name(unicodedata.normalize("NFD", "Müller")) == unicodedata.normalize("NFC", "Müller")


@pytest.mark.parametrize("letter", ["a", "病"])
def test_long_names_are_cut_and_stay_apart(letter):
    first, second = safe_name(letter * 240 + "1"), safe_name(letter * 240 + "2")
    assert first != second
    assert len(first.encode()) <= LONGEST
    assert first.startswith(letter * 40)


def test_the_file_that_is_called_so_keeps_the_name():
    plain, other = named("a-b", "a b")
    assert plain == "a-b"
    assert other.startswith("a-b-")
    assert named("a b", "a-b") == [other, plain]
    assert named("a b", "a/b", "a-b")[0] == other
    assert named("a b", "x") == ["a-b", "x"]


def test_capitals_do_not_tell_names_apart():
    one, two = named("scan 1", "Scan 1")
    assert one.casefold() != two.casefold()


def test_a_case_that_is_its_own_patient_stays_so():
    one, two = with_safe_names([Case("a b", "a b", ()), Case("c d", "anna", ())])
    assert (one.name, one.patient, one.source_name) == ("a-b", "a-b", "a b")
    assert (two.name, two.patient) == ("c-d", "anna")


def test_two_files_of_one_name_are_refused():
    with pytest.raises(LayoutError, match="would both be case a: rename one"):
        with_safe_names([Case("a", "a", (Path("a.nii"),)), Case("a", "a", (Path("a.nrrd"),))])


def test_the_table_of_patients_may_use_either_name(tmp_path):
    (tmp_path / "patients.csv").write_text("case,patient\na b,anna\na-b,bert\nc/d,carl\ne-f,dora\n")
    found = with_patients(with_safe_names(cases("a b", "a-b", "c/d", "e/f")), tmp_path)
    assert [case.patient for case in found] == ["anna", "bert", "carl", "dora"]


def test_file_systems_without_letters():
    assert ascii_name("scan-1") == "scan-1"
    assert ascii_name("病例甲").startswith("case-")
    assert ascii_name("病例甲") != ascii_name("病例乙")
    assert ascii_name("Müller").startswith("M-ller-")


def test_what_can_be_printed():
    assert printable(BYTES) == r"M\x81ller"
    assert printable("a\nb 病") == r"a\nb 病"
    assert (is_plain("a 病"), is_plain(BYTES), is_plain("a\nb")) == (True, False, False)
