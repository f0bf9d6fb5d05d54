"""What a scan is: never decided in a circle, and a CT without its rescale is no MR."""

import numpy as np
import pytest

from pcrl.config import Data
from pcrl.engine.errors import ScanError
from pcrl.engine.geometry.grid import Grid
from pcrl.engine.volumes.modality import decide_modality, looks_unscaled
from pcrl.engine.volumes.prepare import prepare
from tests.helpers import brains, scans


def clipped():
    """A CT without a voxel below 0."""
    return np.clip(scans.body(), 0, None)


def test_a_ct_without_air_is_refused_until_the_user_confirms_it():
    with pytest.raises(ScanError, match=r"--modality ct.*--modality mr"):
        decide_modality(clipped(), "ct", None)
    for stated in ("ct", None):
        modality, notes = decide_modality(clipped(), stated, "ct")
        assert modality == "ct"
        assert "as --modality says" in notes[0]
    with pytest.raises(ScanError, match="neither fat nor air"):
        decide_modality(clipped(), None, "ct", confirmed=False)
    grid = Grid(scans.body().shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    np.testing.assert_array_equal(prepare(clipped(), grid, Data(), None, "ct").stored, clipped())


def test_values_of_no_width_are_no_hounsfield_units():
    with pytest.raises(ScanError, match="one gray"):
        decide_modality(clipped() / 700, "ct", "ct")


@pytest.mark.parametrize(("stated", "forced"), [(None, None), ("ct", None), (None, "ct"), ("ct", "ct")])
@pytest.mark.parametrize("padding", [0, -2000])
def test_a_ct_without_its_rescale_is_named(stated, forced, padding):
    raw = np.clip(scans.body() + 1024, 0, None)
    raw[:, :2], raw[0, 0, 0] = padding, 4010
    with pytest.raises(ScanError, match="rescale slope and intercept were not applied"):
        decide_modality(raw, stated, forced)
    assert decide_modality(raw, None, "mr")[0] == "mr"
    assert decide_modality(raw, "mr", None)[0] == "mr"


@pytest.mark.parametrize("number", range(3))
def test_neither_ct_nor_mr_is_taken_for_it(number):
    assert not looks_unscaled(scans.body() + number)
    assert not any(looks_unscaled(channel) for channel in brains.head(number)[0])
    assert not looks_unscaled(brains.head(number)[0][2].astype(np.float32) + 0.5)
