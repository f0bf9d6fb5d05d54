"""Age, sex, view and projection: what tables and DICOM headers write, and nothing that says who it is."""

import pytest

from pcrl.datasets.about import (
    UNSTATED,
    About,
    AboutReader,
    age_at,
    age_of,
    projection_of,
    sex_of,
    view_of,
)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", 58), ("58.5", 58.5), ("058Y", 58), ("018M", 1.5), ("26W", 0.5), ("3 weeks", 0.06), ("10 days", 0.03),
        ("0", 0), ("120", 120), ("411", None), ("058X", None), ("", None), ("-1", None), ("old", None), ("1e3", None),
    ],
)  # fmt: skip
def test_ages(text, years):
    assert age_of(text) == years


@pytest.mark.parametrize(
    ("study", "birth", "years"),
    [
        ("20200615", "19800616", 39), ("20200615", "19800615", 40), ("2020.06.15", "1980.06.15", 40),
        ("20200615", "20190601", 1.0), ("20200615", "20200101", 0.42), ("20200615", "20210101", None),
        ("20200615", "18000101", None), ("20200615", "", None), ("", "19800615", None), ("20201315", "19800615", None),
        ("20200615", "00000000", None), ("20200229", "20160229", 4),
    ],
)  # fmt: skip
def test_age_from_two_dates_is_no_finer_than_people_state_it(study, birth, years):
    assert age_at(study, birth) == years


def test_sex():
    assert [sex_of(text) for text in ("F", "female", " Male ", "O", "Unknown", "", "1", "X")] == [
        "female", "female", "male", "other", "", "", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "projection", "view"),
    [
        ("PA", "PA", "frontal"), ("AP_horizontal", "AP", "frontal"), ("ap supine", "AP", "frontal"),
        ("Antero-Posterior", "AP", "frontal"), ("posteroanterior", "PA", "frontal"), ("Frontal", "", "frontal"),
        ("LL", "", "lateral"), ("RL", "", "lateral"), ("Lateral", "", "lateral"), ("", "", ""), ("COSTAL", "", None),
        ("AP/PA", "", None), ("PAPER", "", None),
    ],
)  # fmt: skip
def test_projection_and_view(text, projection, view):
    assert (projection_of(text), view_of(text)) == (projection, view)


def test_a_table_is_read_and_what_is_not_understood_is_counted():
    reader = AboutReader()
    assert reader.read("58", "F", "PA") == About(58, "female", "PA")
    assert reader.read("0", "Unknown", "") == UNSTATED
    assert reader.read("0", "M") == About(0, "male")
    assert reader.read("411", "M") == About(None, "male")
    assert reader.read("413", "1") == UNSTATED
    ages, sexes = reader.notes("t.csv")
    assert ages.startswith(
        "t.csv: 2 cells of the column for age not understood, and so not stated: '411', '413'"
    )
    assert sexes.startswith("t.csv: 1 cell of the column for sex not understood")
