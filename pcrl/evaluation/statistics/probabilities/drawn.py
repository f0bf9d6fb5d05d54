"""How often each patient is drawn in the samples of a bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pcrl.evaluation.statistics.bootstrap import FEWEST_PATIENTS, RESAMPLES


def drawn_patients(patients: int) -> NDArray[np.float64] | None:
    """(resamples, patients), the same at every call; None with too few patients."""
    if patients < FEWEST_PATIENTS:
        return None
    rng = np.random.default_rng(np.random.SeedSequence([0, patients]))
    return rng.multinomial(patients, np.full(patients, 1 / patients), size=RESAMPLES).astype(np.float64)
