"""What a label counts as that a report leaves uncertain, or does not mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = 1, 0, -1, -2
"""Labels as the cache holds them."""
_VALUES = {"ones": 1.0, "zeros": 0.0, "ignore": np.nan}


def targets(
    labels: NDArray[np.int8], policy: str | Mapping[str, str], names: Sequence[str]
) -> NDArray[np.float32]:
    """Targets (n, labels) float32: 1, 0, or NaN where an image does not count for a label.

    What is not mentioned is negative, as in the published protocols.

    Args:
        labels: (n, labels) as the cache holds them.
        policy: `ones`, `zeros` or `ignore`, for uncertain labels; one for all, or one for each of some labels, the
            others being ignored.
        names: of the labels.

    Raises:
        ValueError: a policy that there is not, or for a label that there is not; not one name for each column; or a
            label that is none of the four values.
    """
    if labels.shape[1] != len(names):
        raise ValueError(f"{labels.shape[1]} columns of labels, but {len(names)} names: {', '.join(names)}")
    if odd := sorted(set(np.unique(labels).tolist()) - {POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED}):
        raise ValueError(f"a label is {odd[0]}, expected 1, 0, -1 (uncertain) or -2 (not mentioned)")
    if not isinstance(policy, str) and (unknown := sorted(set(policy) - set(names))):
        raise ValueError(f"no label {', '.join(unknown)}; there are {', '.join(names)}")
    policies = {policy} if isinstance(policy, str) else set(policy.values())
    if wrong := sorted(policies - set(_VALUES)):
        raise ValueError(f"no policy {', '.join(wrong)}; there are {', '.join(_VALUES)}")
    result: NDArray[np.float32] = (labels == POSITIVE).astype(np.float32)
    for column, name in enumerate(names):
        chosen = policy if isinstance(policy, str) else policy.get(name, "ignore")
        result[labels[:, column] == UNCERTAIN, column] = _VALUES[chosen]
    return result
