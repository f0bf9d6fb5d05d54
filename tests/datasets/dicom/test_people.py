"""A person has a name that nobody can turn back, and what is no person has none."""

import stat

import pytest

from pcrl.datasets.case import LayoutError
from pcrl.datasets.dicom.header import Person
from pcrl.datasets.dicom.people import people
from pcrl.datasets.dicom.secret import Secret, file, secret

KEY = Secret(b"a key of the tests")


def names(*persons, key=KEY):
    return people([None if p is None else Person(*p) for p in persons], key)


def test_an_id_is_a_person_under_another_name():
    found = names(("P1", "", "", "s1"), ("P2", "", "", "s2"), ("P1", "", "", "s3"), None)
    first, second, third, nobody = found.names
    assert first == third != second
    assert nobody is None
    assert "P1" not in first
    assert found.problems == ()


def test_a_name_depends_on_the_secret_and_the_id_alone():
    one = names(("P1", "19500101", "F", "s1")).names
    assert one == names(("P1", "", "", "other"), ("P2", "", "", "s")).names[:1]
    assert one != names(("P1", "19500101", "F", "s1"), key=Secret(b"another")).names
    assert KEY.digest != Secret(b"another").digest


@pytest.mark.parametrize(
    "id_", ["", "0", "000", "ANONYMOUS", "Anonymized^", "N/A", "XXXX", "no id", "123456", "-"]
)
def test_placeholders_are_no_person(id_):
    found = names((id_, "", "", "s1"), ("P2", "", "", "s2"))
    assert found.names[0] is None
    assert found.names[1] is not None
    assert "PatientID" in found.problems[0]


@pytest.mark.parametrize(
    "id_", ["1", "7", "12", "0012", "P", "LIDC-IDRI-0001", "1.3.6.1.4.1.14519.5.2.1.6279.6001"]
)
def test_short_and_long_ids_are_persons(id_):
    assert names((id_, "", "", "s1"), ("P2", "", "", "s2")).names[0] is not None


def test_one_unique_identifier_for_all_is_no_person():
    found = names(("1.2.3.4", "", "", "s1"), ("1.2.3.4", "", "", "s2"))
    assert found.names == (None, None)
    assert "unique identifier" in found.problems[0]
    assert names(("1.2.3.4", "", "", "s1"), ("1.2.3.4", "", "", "s1")).names[0] is not None


@pytest.mark.parametrize(
    ("one", "other", "word"), [(("1950", "F"), ("1960", "F"), "birth"), (("", "F"), ("", "M"), "sexes")]
)
def test_a_contradiction_is_no_person(one, other, word):
    found = names(("P1", *one, "s1"), ("P1", *other, "s2"), ("P2", "", "", "s3"))
    assert found.names[:2] == (None, None)
    assert found.names[2] is not None
    assert word in found.problems[0]


def test_files_of_a_study_are_of_one_person_though_not_known_who():
    found = names(
        ("", "", "F", "s1"), ("", "", "F", "s1"), ("", "", "", "s2"), ("", "", "F", "s3"), ("", "", "M", "s3")
    )
    assert found.names[0] == found.names[1] is not None
    assert found.names[2:] == (None, None, None)
    assert "one study" in found.problems[-1]


def test_missing_dates_and_sexes_contradict_nothing():
    assert None not in names(("P1", "1950", "F", "s1"), ("P1", "", "", "s2"), ("P1", "1950", "O", "s3")).names


def test_the_secret_is_made_once_for_the_user_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("PCRL_SECRET")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    first = secret()
    assert str(file()) in first.note
    assert stat.S_IMODE(file().stat().st_mode) == 0o600
    again = secret()
    assert (again.key, again.note) == (first.key, "")
    file().write_text("\n")
    with pytest.raises(LayoutError, match="is empty"):
        secret()


def test_the_variable_goes_before_the_file(monkeypatch):
    monkeypatch.setenv("PCRL_SECRET", "short")
    assert secret().key == b"short"
    assert "short" in secret().note
