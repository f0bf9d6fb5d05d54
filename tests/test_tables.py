"""Tables that people open in a spreadsheet hold nothing that it would carry out."""

import csv

from pcrl.files import write_csv

HARMFUL = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\n=1",
    "-x",
    "=",
    '=HYPERLINK("http://x","y")',
)
HARMLESS = ("scan-1", "a=b", "-1.5", "+3e-4", "-inf", "", " x", "1.2.840", "patient@hospital")


def written(path, **how):
    write_csv(
        path, ["name", "=title"], [*([text, -1.5] for text in (*HARMFUL, *HARMLESS)), [None, -2]], **how
    )
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_formulas_are_defused_and_numbers_are_not(tmp_path):
    head, *rows = written(tmp_path / "table.csv")
    assert head == ["name", "'=title"]
    assert [row[0] for row in rows] == [*(f"'{text}" for text in HARMFUL), *HARMLESS, ""]
    assert {row[1] for row in rows} == {"-1.5", "-2"}


def test_what_programs_read_back_is_as_it_was(tmp_path):
    head, *rows = written(tmp_path / "table.csv", exact=True)
    assert head[1] == "=title"
    assert [row[0] for row in rows] == [*HARMFUL, *HARMLESS, ""]
