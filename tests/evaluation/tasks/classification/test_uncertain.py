"""What uncertain labels count as, and labels that make no sense."""

import numpy as np
import pytest

from pcrl.evaluation.tasks.classification.uncertain import targets


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
