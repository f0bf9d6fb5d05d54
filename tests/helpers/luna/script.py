"""The algorithm of LUNA16's evaluation script (noduleCADEvaluationLUNA16.py), literally and slowly.

Written after the script's published description and structure: one scan after the other, dictionaries, its way of
deleting candidates, its sentinel for missed nodules, its `computeFROC`. Its use of scikit-learn's `roc_curve` is spelt
out.
"""

import numpy as np

MINIMUM = -1000000000.0


def evaluate(series_uids, annotations, candidates):
    """False positives a scan and sensitivities.

    Args:
        annotations: series → list of (x, y, z, diameter, "Included" or "Excluded").
        candidates: series → list of (x, y, z, probability).
    """
    truth, probability, exclude = [], [], []
    for series in series_uids:
        here = dict(enumerate(candidates.get(series, [])))
        left = here.copy()
        for x, y, z, diameter, state in annotations.get(series, []):
            if diameter < 0.0:
                diameter = 10.0
            radius_squared = pow(diameter / 2.0, 2.0)
            matches = []
            for key, (x2, y2, z2, _) in here.items():
                distance = pow(x - x2, 2.0) + pow(y - y2, 2.0) + pow(z - z2, 2.0)
                if distance < radius_squared:
                    if state == "Included":
                        matches.append(here[key])
                    if key in left:
                        del left[key]
            if state == "Included":
                truth.append(1.0)
                if matches:
                    probability.append(max(match[3] for match in matches))
                    exclude.append(False)
                else:
                    probability.append(MINIMUM)
                    exclude.append(True)
        for _, _, _, p in left.values():
            truth.append(0.0)
            probability.append(p)
            exclude.append(False)
    return _compute_froc(truth, probability, len(series_uids), exclude)


def _compute_froc(truth, probability, images, exclude):
    kept = [(t, p) for t, p, out in zip(truth, probability, exclude, strict=True) if not out]
    detected, lesions, count = sum(t for t, _ in kept), sum(truth), len(kept)
    thresholds = [np.inf, *sorted({p for _, p in kept}, reverse=True)]
    negatives = count - detected
    true_rate = np.array([sum(t for t, p in kept if p >= at) / max(detected, 1) for at in thresholds])
    false_rate = np.array([sum(1 - t for t, p in kept if p >= at) / max(negatives, 1) for at in thresholds])
    return false_rate * negatives / images, true_rate * detected / lesions
