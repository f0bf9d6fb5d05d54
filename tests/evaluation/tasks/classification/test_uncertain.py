"""What uncertain labels count as, and labels that make no sense."""

import numpy as np
import pytest

from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.classification.uncertain import policies, policies_in_words, targets


def test_policies():
    labels = np.array([[1, -1], [0, -2], [-1, 1]], np.int8)
    np.testing.assert_array_equal(targets(labels, "ones", "ab"), [[1, 1], [0, 0], [1, 1]])
    np.testing.assert_array_equal(targets(labels, "zeros", "ab"), [[1, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(targets(labels, "ignore", "ab"), [[1, np.nan], [0, 0], [np.nan, 1]])
    np.testing.assert_array_equal(targets(labels, {"a": "ones"}, "ab"), [[1, np.nan], [0, 0], [1, 1]])
    with pytest.raises(ValueError, match="no label c"):
        targets(labels, {"c": "ones"}, "ab")


def test_targets_are_float32_and_do_not_touch_the_labels():
    labels = np.array([[-1, -2]], np.int8)
    assert targets(labels, "ones", "ab").dtype == np.float32
    np.testing.assert_array_equal(labels, [[-1, -2]])


@pytest.mark.parametrize(
    ("labels", "policy", "names", "message"),
    [
        ([[7]], "ones", "a", "a label is 7"),
        ([[-1, -1]], "ignore", "a", "2 columns of labels, but 1 names"),
        ([[-1]], "positive", "a", "no policy positive; there are ones, zeros, ignore"),
        ([[-1]], {"a": "positive"}, "a", "no policy positive"),
    ],
)
def test_what_makes_no_sense_is_refused(labels, policy, names, message):
    with pytest.raises(ValueError, match=message):
        targets(np.array(labels, np.int8), policy, names)


def test_of_chexpert_each_observation_counts_as_published():
    found = policies("published", OBSERVATIONS)
    assert {name for name, policy in found.items() if policy == "ones"} == {"Atelectasis", "Edema"}
    assert {policy for name, policy in found.items() if name not in ("Atelectasis", "Edema")} == {"zeros"}
    assert policies_in_words(found) == (
        "uncertain labels count as positive for Edema, Atelectasis; as negative for the others"
    )
    assert policies("published", ("Edema", "Mass")) == {"Edema": "ones", "Mass": "ones"}


def test_single_labels_differ_from_the_others():
    found = policies("Edema=ignore, Lung Opacity=ones", OBSERVATIONS)
    assert (found["Edema"], found["Lung Opacity"], found["Atelectasis"]) == ("ignore", "ones", "ones")
    assert found["Fracture"] == "zeros"
    assert policies("zeros,b=ones", "abc") == {"a": "zeros", "b": "ones", "c": "zeros"}
    assert policies_in_words(policies("b=zeros,zeros", "ab")) == "uncertain labels count as negative"
    # A name may hold an equals sign.
    assert policies("a=b=zeros,ones", ["a=b", "c"]) == {"a=b": "zeros", "c": "ones"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Oedema=ones", "there is no label 'Oedema'; there are No Finding, "),
        ("Edema=ones,Edema=zeros", "expected one of ones, zeros, ignore for Edema, and once"),
        ("Edema=published", "expected one of ones, zeros, ignore for Edema"),
    ],
)
def test_a_label_that_there_is_not_is_named(text, message):
    with pytest.raises(ProtocolError, match=message):
        policies(text, OBSERVATIONS)
