"""Dice of all voxels together."""

import numpy as np
import pytest

from pcrl.evaluation.statistics.masks.voxels import dice_of_voxels


def test_it_is_of_all_cases_and_undefined_where_there_is_nothing():
    common = np.array([[10, 0, 0], [20, 0, 0], [5, 0, 0]])
    total = np.array([[30, 0, 4], [50, 0, 0], [40, 0, 0]])
    assert dice_of_voxels(common, total) == pytest.approx([70 / 120, np.nan, 0.0], nan_ok=True)
