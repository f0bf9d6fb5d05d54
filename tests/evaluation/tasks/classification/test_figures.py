"""Figures are written, whatever labels lack."""

import numpy as np

from pcrl.evaluation.tasks.classification.figures import save_calibration


def test_figures_are_written_also_for_labels_without_positives(tmp_path):
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 7)) < 0.3).astype(float)
    truth[:, 2] = 0
    truth[:, 4] = np.nan
    arms = {"pre-trained": rng.random((60, 7)), "from-scratch": rng.random((60, 7))}
    labels = [f"finding {n}" for n in range(7)]
    save_calibration(tmp_path / "calibration.png", arms, truth, labels)
    assert (tmp_path / "calibration.png").stat().st_size > 10_000
