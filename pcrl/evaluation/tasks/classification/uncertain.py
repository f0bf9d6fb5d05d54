"""What a label counts as that a report leaves uncertain, or does not mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS
from pcrl.evaluation.records.errors import ProtocolError

POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = 1, 0, -1, -2
"""Labels as the cache holds them."""
_VALUES = {"ones": 1.0, "zeros": 0.0, "ignore": np.nan}


PUBLISHED = {"Atelectasis": "ones", "Edema": "ones"}
"""Of CheXpert's observations; all others are zeros. Of the two, U-Ones is the better one for Atelectasis and Edema in
Irvin et al. (arXiv 1901.07031, table 3); Yuan et al. (arXiv 2012.03173, and the code of LibAUC) train with just this
division."""


def policies(text: str, names: Sequence[str]) -> dict[str, str]:
    """What an uncertain label counts as, for each label, as `--uncertain` says it.

    Args:
        text: `ones`, `zeros`, `ignore` or `published` for all, `published` if none of them is given; `LABEL=ones` for
            one of them; separated by commas.
        names: of the labels.

    Raises:
        ProtocolError: a label that there is not, or that is named twice.
    """
    parts = [part.strip() for part in text.split(",")]
    whole = next((part for part in parts if "=" not in part), "published")
    chosen = dict.fromkeys(names, "ones" if whole == "published" else whole)
    if whole == "published" and tuple(names) == OBSERVATIONS:
        chosen = {name: PUBLISHED.get(name, "zeros") for name in names}
    said: set[str] = set()
    for label, _, policy in (part.rpartition("=") for part in parts if "=" in part):
        name = label.strip()
        if name not in chosen:
            raise ProtocolError(
                f"--uncertain {text}: there is no label {name!r}; there are {', '.join(names)}"
            )
        if name in said or policy.strip() not in _VALUES:
            raise ProtocolError(
                f"--uncertain {text}: expected one of {', '.join(_VALUES)} for {name}, and once"
            )
        said.add(name)
        chosen[name] = policy.strip()
    return chosen


def policies_in_words(chosen: Mapping[str, str]) -> str:
    """`uncertain labels count as positive for a, b; as negative for c`."""
    words = {"ones": "as positive", "zeros": "as negative", "ignore": "not at all"}
    groups = {policy: [name for name, own in chosen.items() if own == policy] for policy in words}
    used = {policy: names for policy, names in groups.items() if names}
    if len(used) == 1:
        return f"uncertain labels count {words[next(iter(used))]}"
    largest = max(used, key=lambda policy: len(used[policy]))
    listed = [
        f"{words[policy]} for {', '.join(names)}" for policy, names in used.items() if policy != largest
    ]
    return f"uncertain labels count {'; '.join([*listed, f'{words[largest]} for the others'])}"


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
