"""Labels of a trained network found among those of another data set: by name, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pcrl.evaluation.records.errors import ProtocolError
from pcrl.listing import few


def found_under(
    wanted: Sequence[str], there: Sequence[str], said: Mapping[str, str], dataset: str
) -> dict[str, str]:
    """The name that each wanted label has in a data set; those that it lacks are left out.

    Names are the same if their words are: `Pleural_Effusion` is `pleural effusion`, but not `Effusion`.

    Args:
        wanted: labels of the network.
        there: labels of the data set.
        said: of some wanted labels, what they are called there.
        dataset: its name, for errors.

    Raises:
        ProtocolError: `said` names a label that there is not on its side, or two labels there have the same words.
    """
    by_words: dict[str, list[str]] = {}
    for name in there:
        by_words.setdefault(_words(name), []).append(name)
    for ours, theirs in said.items():
        if ours not in wanted:
            raise ProtocolError(
                f"--same-label {ours}={theirs}: the networks have no label {ours!r}; they have {few(wanted, 20)}"
            )
        if theirs not in there:
            raise ProtocolError(
                f"--same-label {ours}={theirs}: {dataset} has no label {theirs!r}; it has {few(there, 20) or 'none'}"
            )
    found: dict[str, str] = {}
    for name in wanted:
        same = [said[name]] if name in said else by_words.get(_words(name), [])
        if len(same) > 1:
            raise ProtocolError(
                f"{dataset} has {' and '.join(map(repr, same))}: say which of them is {name!r}, with --same-label "
                f"'{name}={same[0]}'"
            )
        if same:
            found[name] = same[0]
    return found


def in_words(
    found: Mapping[str, str], wanted: Sequence[str], scored: Sequence[str], dataset: str
) -> list[str]:
    """What a reader of the scores should know: labels that are called otherwise there, and those that are not there.

    Args:
        found: what `found_under` found.
        wanted: labels that would be scored; `scored` are those of them that are.
    """
    notes = []
    if renamed := [f"{ours} is {theirs}" for ours, theirs in found.items() if ours != theirs]:
        notes.append(f"labels by another name in {dataset}: {few(renamed, 20)}")
    if lacking := [name for name in wanted if name not in scored]:
        notes.append(f"not scored, as {dataset} has no such label: {few(lacking, 20)}")
    return notes


def none_found(wanted: Sequence[str], there: Sequence[str], dataset: str) -> ProtocolError:
    """What is said where a data set has no label that a network knows."""
    example = f"{wanted[0]}={there[0] if there else 'NAME'}"
    return ProtocolError(
        f"{dataset} has no label that the networks know: they have {few(wanted, 20)}, it has "
        f"{few(there, 20) or 'none'}. Where one is called otherwise there, say so: --same-label '{example}'"
    )


def _words(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", name.casefold()))
