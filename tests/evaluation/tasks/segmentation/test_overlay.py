"""What a picture of a case shows: which slice, which part of it, and both outlines."""

import numpy as np
import pytest
from PIL import Image

from pcrl.evaluation.tasks.segmentation.overlay import COLOURS, part_of, save_overlay, slice_of


def box(shape, *bounds):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*pair) for pair in bounds)] = True
    return mask


SHAPE = (20, 40, 60)


def test_small_regions_choose_the_slice_as_much_as_large_ones():
    """A liver in all slices, largest in slice 5; a tumour in slice 14 alone."""
    liver = box(SHAPE, (2, 18), (5, 30), (5, 30))
    liver[5] = box(SHAPE[1:], (5, 33), (5, 33))
    tumour = box(SHAPE, (14, 15), (10, 12), (10, 12))
    assert slice_of([liver], [liver]) == 5
    assert slice_of([liver, tumour], [liver, tumour]) == 14


def test_without_truth_the_prediction_is_shown_and_without_both_the_middle():
    nothing = np.zeros(SHAPE, bool)
    assert slice_of([nothing], [box(SHAPE, (3, 4), (1, 2), (1, 2))]) == 3
    assert slice_of([nothing], [nothing]) == 10


def test_the_enlarged_part_is_a_square_in_mm_round_the_truth():
    truth = box((400, 300), (100, 150), (200, 220))
    rows, columns = part_of([truth], [np.zeros_like(truth)], (1.0, 2.0))
    assert (rows.stop - rows.start, (columns.stop - columns.start) * 2.0) == (65, pytest.approx(65, abs=2))
    assert (rows.start + rows.stop) / 2 == pytest.approx(125, abs=1)
    assert (columns.start + columns.stop) / 2 == pytest.approx(210, abs=1)
    # What is predicted elsewhere does not make it larger.
    assert part_of([truth], [np.ones_like(truth)], (1.0, 2.0)) == (rows, columns)


def test_the_enlarged_part_stays_within_the_slice_and_is_not_too_small():
    corner = box((60, 50), (0, 1), (49, 50))
    rows, columns = part_of([corner], [corner], (1.0, 1.0))
    assert (rows, columns) == (slice(0, 40), slice(10, 50))
    whole = part_of([np.ones((60, 50), bool)], [corner], (1.0, 1.0))
    assert whole == (slice(0, 60), slice(0, 50))
    nothing = np.zeros((60, 50), bool)
    assert part_of([nothing], [nothing], (1.0, 1.0)) == (slice(0, 60), slice(0, 50))
    assert part_of([nothing], [corner], (1.0, 1.0)) == (rows, columns)


@pytest.mark.slow
def test_a_picture_is_large_and_has_both_outlines(lits, tmp_path):
    case = lits.cases[0]
    truth = case.label(original=True).read() > 0
    shifted = np.roll(truth, 4, axis=2)

    def coloured(predicted):
        save_overlay(tmp_path / "a.png", case, [truth], [predicted], ["liver"], "a")
        picture = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(int)
        assert picture.shape[1] >= 1400
        assert picture.shape[0] >= 500
        colour = [int(COLOURS[0][n : n + 2], 16) for n in (1, 3, 5)]
        return int((np.abs(picture - colour).sum(axis=2) < 30).sum())

    assert coloured(shifted) > 1.3 * coloured(np.zeros_like(truth)) > 500
