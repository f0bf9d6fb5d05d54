"""Studies put together from images by hand."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.studies import by_study


def test_a_study_is_the_mean_of_its_views():
    scores = np.array([[0.2], [0.6], [0.9]])
    truth = np.array([[0], [np.nan], [np.nan]], float)
    found = by_study(scores, truth, ["b/1", "b/1", "a/1"], ["b", "b", "a"])
    assert (found.names, found.patients) == (["b/1", "a/1"], ["b", "a"])
    np.testing.assert_allclose(found.scores[:, 0], [0.4, 0.9])
    np.testing.assert_array_equal(found.truth[:, 0], [0, np.nan])


def test_a_study_is_positive_if_one_of_its_images_is():
    truth = np.array([[0, np.nan], [1, np.nan], [np.nan, 1]])
    found = by_study(np.zeros((3, 2)), truth, ["s", "s", "s"], ["a"] * 3)
    np.testing.assert_array_equal(found.truth, [[1, 1]])


def test_a_study_of_two_patients_is_refused():
    with pytest.raises(ValueError, match="study study1 is of two patients, a and b"):
        by_study(np.ones((2, 1)), np.ones((2, 1)), ["study1", "study1"], ["a", "b"])
