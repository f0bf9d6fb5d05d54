"""Lists in messages."""

from pcrl.listing import alike


def test_a_note_on_many_cases_is_said_once():
    notes = [(f"case-{n}", "no unit") for n in range(7)] + [("case-2", "another"), ("case-2", "another")]
    assert alike(notes) == [
        "no unit (7 cases: case-0, case-1, case-2 and 4 more)",
        "case-2: another",
    ]


def test_what_was_measured_makes_no_kind_of_its_own_but_a_label_does():
    notes = [
        ("a", "moved 0.02 mm"),
        ("b", "moved 1.30 mm"),
        ("a", "label 1 vanishes"),
        ("b", "label 2 vanishes"),
    ]
    assert alike(notes) == [
        "moved 0.02 mm (2 cases: a, b; the numbers are those of a)",
        "a: label 1 vanishes",
        "b: label 2 vanishes",
    ]
    assert alike([("a", "moved 0.02 mm"), ("a", "moved 0.03 mm")]) == ["a: moved 0.02 mm", "a: moved 0.03 mm"]
