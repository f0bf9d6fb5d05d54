"""The page of results: three tiers apart, signs of life, and every run that was begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from table import grid, write

from transferring.settings import Budget
from transferring.summary import CHANCE, Summary

Real = Mapping[str, Mapping[str, Sequence[Mapping[str, Mapping[str, float | None]]]]]


def report(
    summary: Summary,
    rates: Mapping[str, float],
    diagnosis: Mapping[str, Any],
    probed: Mapping[str, Any],
    real: Real,
    runs: Mapping[str, Sequence[str]],
    budget: Budget,
    folder: Path,
) -> None:
    """Write `transfer.md` to a folder."""
    labels = budget.labels
    rows = [
        [
            name,
            f"{rates[name]:g}",
            *(f"{found[count]:.3f}" if count in found else "–" for count in labels),
            "{:.3f} ({:.3f} – {:.3f})".format(*summary.areas[name]) if name in summary.areas else "–",
        ]
        for name, found in summary.dice.items()
    ]
    parts = [
        f"**{summary.verdict()}** (by the rule of [the protocol](../../docs/transfer-protocol.md)).",
        "",
        _differences(summary),
        "",
        _shuffled(summary),
        "",
        "## Tier 2: real and cheap. Organ at a voxel from frozen features, leave one patient out",
        "",
        *_probes(probed),
        "",
        *_real(real),
        "",
        "## Signs of life",
        "",
        *_diagnosis(diagnosis),
        "",
        "## Runs",
        "",
        *(
            f"- {kind}: {len(names)}{_few(names) if kind != 'finished' else ''}"
            for kind, names in runs.items()
        ),
    ]
    write(
        "transfer",
        "Does pre-training help?",
        ["torch", "numpy", "monai"],
        ("tier 1, virtual patients: start", "rate", *(f"Dice, {n} labelled" for n in labels), "area (95 %)"),
        rows,
        "\n".join(parts),
        folder,
    )


def _differences(summary: Summary) -> str:
    rows = []
    for pair, found in summary.differences.items():
        name = " − ".join(pair)
        rows.append(
            [
                name,
                f"{found.mean:+.3f} ({found.low:+.3f} – {found.high:+.3f})",
                f"{found.p:.2g}",
                f"{summary.corrected[name]:.2g}" if name in summary.corrected else "primary",
                f"{found.higher} of {found.pairs}",
                ", ".join(f"{value:+.3f}" for value in summary.by_pretraining[pair]),
                ", ".join(f"{value:+.3f}" for value in summary.by_tuning[pair]),
            ]
        )
    return grid(
        (
            "difference in area",
            "mean (95 % over patients)",
            "p",
            "p, Holm",
            "patients higher",
            "by pre-training seed",
            "by fine-tuning seed",
        ),
        rows,
    )


def _shuffled(summary: Summary) -> str:
    found = summary.dice.get("shuffled labels", {})
    if not found:
        return "Shuffled labels: no run."
    value = found[max(found)]
    state = (
        "fell to chance"
        if value <= CHANCE
        else f"did NOT fall to chance (at most {CHANCE}): do not trust this page"
    )
    return f"Shuffled labels: Dice {value:.3f}, {state}."


def _probes(probed: Mapping[str, Any]) -> list[str]:
    if not probed:
        return ["No run."]
    lines = []
    levels = list(next(iter(probed.values()))["scores"])
    patients = list(next(iter(probed.values()))["scores"][levels[0]])
    organs = next(iter(probed.values()))["organs"]
    for probe in ("linear", "nearest"):
        rows = []
        for arm in sorted({name.split("/")[0] for name in probed}):
            mine = [found["scores"] for name, found in probed.items() if name.split("/")[0] == arm]
            cells = [
                np.mean([[s[level][p][probe] for p in patients] for s in mine], axis=0) for level in levels
            ]
            rows.append([arm, *(f"{c.mean():.3f} ({', '.join(f'{v:.2f}' for v in c)})" for c in cells)])
        lines += [grid((f"{probe}: weights", *levels), rows), ""]
    note = (
        f"Balanced accuracy over {', '.join(organs)}; mean, and in brackets {', '.join(patients)}; seeds averaged "
        f"first. n = {len(patients)}: no test, no interval."
    )
    return [*lines, note]


def _real(real: Real) -> list[str]:
    patients = sorted({patient for found in real.values() for patient in found})
    lines = [f"## Tier 3: real, end to end. Direction only, n = {len(patients)}", ""]
    rows = []
    for arm, found in real.items():
        means = [
            np.mean([[v for v in s[patient].values() if v is not None] for s in found[patient]])
            for patient in patients
            if patient in found
        ]
        if means:
            rows.append([arm, *(f"{value:.3f}" for value in means), f"{np.mean(means):.3f}"])
    return [*lines, grid(("start", *(f"Dice, {p} left out" for p in patients), "mean"), rows)]


def _diagnosis(diagnosis: Mapping[str, Any]) -> list[str]:
    rows, organs = [], []
    for name, found in diagnosis.items():
        seen = found["restoration"]
        rows.append(
            [
                name,
                *(f"{seen['errors'][kind]:.4f}" for kind in ("network", "mean", "corrupted", "blurred")),
                ", ".join(f"{value:.2f}" for value in seen["spread"]),
                ", ".join(f"{value:.1f}" for value in seen["rank"]),
            ]
        )
        for arm, levels in found["organs"].items():
            cells = [f"{v['linear']:.3f} / {v['nearest']:.3f} / {v['rank']:.1f}" for v in levels.values()]
            organs.append([f"{name}: {arm}", *cells])
    heads = list(next(iter(next(iter(diagnosis.values()))["organs"].values()))) if diagnosis else []
    return [
        grid(
            ("weights", "restoration: error", "of mean", "of corrupted", "of blurred", "spread", "rank"), rows
        ),
        "",
        grid(("organs at voxels, linear / nearest / rank", *heads), organs),
        "",
        "On development patients. Errors are squared, of unseen views; rivals are given the best line for each view.",
    ]


def _few(names: Sequence[str]) -> str:
    return f" ({', '.join(names[:20])}{', …' if len(names) > 20 else ''})" if names else ""
