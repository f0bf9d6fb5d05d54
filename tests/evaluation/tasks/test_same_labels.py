"""Labels of a network found among those of another data set."""

import pytest

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.same_labels import found_under, in_words, none_found


def test_names_are_the_same_if_their_words_are():
    there = ("Pleural_Effusion", "edema", "Lung Lesion 2", "Ödem")
    wanted = ("pleural effusion", "EDEMA", "Lung Lesion", "ödem", "Effusion")
    assert found_under(wanted, there, {}, "x") == {
        "pleural effusion": "Pleural_Effusion",
        "EDEMA": "edema",
        "ödem": "Ödem",
    }


def test_what_the_user_says_goes_before_names():
    found = found_under(("a", "b"), ("a", "c"), {"a": "c", "b": "a"}, "x")
    assert found == {"a": "c", "b": "a"}
    assert in_words(found, ("a", "b", "d"), ("a", "b"), "x") == [
        "labels by another name in x: a is c, b is a",
        "not scored, as x has no such label: d",
    ]
    assert in_words({"a": "a"}, ("a",), ("a",), "x") == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"liver": "Leber"}, "--same-label liver=Leber: x has no label 'Leber'; it has Liver, liver, spleen"),
        ({"Leber": "liver"}, "--same-label Leber=liver: the networks have no label 'Leber'; they have liver"),
        ({}, "x has 'Liver' and 'liver': say which of them is 'liver', with --same-label 'liver=Liver'"),
    ],
)
def test_nothing_is_guessed(said, message):
    with pytest.raises(ProtocolError) as caught:
        found_under(("liver",), ("Liver", "liver", "spleen"), said, "x")
    assert str(caught.value) == message


def test_no_label_in_common_is_told_with_what_to_do():
    assert "they have liver, it has none." in str(none_found(("liver",), (), "x"))
    assert str(none_found(("liver",), ("Leber",), "x")).endswith("--same-label 'liver=Leber'")
