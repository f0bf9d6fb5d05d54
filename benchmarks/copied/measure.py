"""The three measurements, and their tables."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table import write

from copied.changes import OF_RADIOGRAPHS, OF_VOLUMES, Change, bent
from copied.scans import CTS, SPACING, film, look, virtual, volumes
from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.engine.fingerprints.thumbnail import EDGES, thumbnail
from pcrl.evaluation.leak.alike import alike
from pcrl.evaluation.leak.near import FLOOR, near

Values = NDArray[np.float32]
Look = Callable[[Values], NDArray[np.uint8]]
_BENT = (0.01, 0.02, 0.04)
_CONFIDENCE = 0.95


def measure(data: Path, files: Sequence[Path], draws: int, pieces: int, patients: int, images: int) -> None:
    """Measure all, and write two tables."""
    scans = volumes(data, files)
    ct = {name: scan.modality != "mr" and name in CTS for name, scan in scans.items()}
    sources = {name: scan.values.astype(np.float32) for name, scan in scans.items()}
    looks: dict[str, Look] = {
        name: lambda values, name=name, spacing=scan.grid.spacing: look(  # type: ignore[misc]
            values, spacing, "ct" if ct[name] else "mr"
        )
        for name, scan in scans.items()
    }
    films = {name: film(scans[name]) for name in CTS}
    film_looks: dict[str, Look] = dict.fromkeys(films, thumbnail)
    rows = [("**Volumes**", "", "", "", ""), *_copies(sources, looks, OF_VOLUMES, draws)]
    rows += [("**Radiographs**", "", "", "", ""), *_copies(films, film_looks, OF_RADIOGRAPHS, draws)]
    header = ("the copy is", "copies", "missed", "likeness, lowest", "median")
    count = sum(int(row[1] or 0) for row in rows)
    write(
        "copies", "Copies that are found", ["numpy", "torch"], header, rows,
        f"{count} changed copies of {len(sources)} real volumes and of the radiographs of {len(films)} of them, each "
        f"compared with what it was; it is missed if its likeness is {FLOOR} or less. Volumes are prepared as an "
        "ingest at 3 mm does; what is called a slice is one of the source.",
    )  # fmt: skip
    rows = [("**Volumes**", "", "", "", ""), *_people(sources, looks, pieces)]
    made = virtual(patients)
    shown = [look(values, SPACING, "ct") for values in made]
    rows.append(_pairs("virtual patients, all pairs", list(combinations(shown, 2))))
    rows += [("**Radiographs**", "", "", "", ""), *_people(films, film_looks, pieces)]
    header = ("two people", "pairs", "taken for copies", "per million, at most", "likeness, highest")
    write(
        "people", "People who are told apart", ["numpy", "torch"], header, rows,
        f"Taken for copies: likeness above {FLOOR}, before the bound of the cache itself raises that. At most: upper "
        f"bound of the {_CONFIDENCE:.0%} interval; pairs of pieces of the same few people are not independent, so that "
        "their bound is too good. Bent: one scan against itself with organs moved by that share of the field of view, "
        f"as in people on one grid. {_quick(images)}",
    )  # fmt: skip


def _copies(
    sources: Mapping[str, Values], looks: Mapping[str, Look], changes: Mapping[str, Change], draws: int
) -> Iterator[tuple[str, ...]]:
    before = {name: looks[name](values) for name, values in sources.items()}
    for number, (what, change) in enumerate(changes.items()):
        pairs = []
        for place, (name, values) in enumerate(sources.items()):
            for draw in range(draws):
                rng = np.random.default_rng([number, place, draw])
                pairs.append((looks[name](np.ascontiguousarray(change(values, rng))), before[name]))
        found = _likeness(pairs)
        missed = int((found <= FLOOR).sum())
        row = (what, str(len(pairs)), str(missed), f"{found.min():.2f}", f"{np.median(found):.2f}")
        print(*row, sep=" | ", flush=True)
        yield row


def _people(
    sources: Mapping[str, Values], looks: Mapping[str, Look], pieces: int
) -> Iterator[tuple[str, ...]]:
    before = {name: looks[name](values) for name, values in sources.items()}
    yield _pairs("different people, all pairs", list(combinations(before.values(), 2)))
    rng, names, pairs = np.random.default_rng(0), list(sources), []
    for _ in range(pieces):
        one, other = rng.permutation(len(names))[:2]
        pairs.append(tuple(_piece(sources[names[n]], looks[names[n]], rng) for n in (one, other)))
    yield _pairs("pieces of different people, 60 to 100 % along each axis", pairs)
    for share in _BENT:
        changed = [
            (looks[name](bent(values, share, np.random.default_rng([7, place]))), before[name])
            for place, (name, values) in enumerate(sources.items())
        ]
        what, count, taken, _, highest = _pairs(f"one scan and itself, bent by {share:.0%}", changed)
        yield what, count, taken, "", highest


def _piece(values: Values, shown: Look, rng: np.random.Generator) -> NDArray[np.uint8]:
    kept = [max(8, round(rng.uniform(0.6, 1) * n)) for n in values.shape]
    first = [
        int(rng.integers(0, n - size + 1)) if n > size else 0
        for n, size in zip(values.shape, kept, strict=True)
    ]
    return shown(values[tuple(slice(a, a + size) for a, size in zip(first, kept, strict=True))])


def _pairs(what: str, pairs: Sequence[Sequence[NDArray[np.uint8]]]) -> tuple[str, ...]:
    found = _likeness(pairs)
    taken = int((found > FLOOR).sum())
    from scipy.stats import beta

    bound = beta.ppf(_CONFIDENCE, taken + 1, len(pairs) - taken) if taken < len(pairs) else 1.0
    row = (what, str(len(pairs)), str(taken), f"{1e6 * bound:,.0f}", f"{found.max():.2f}")
    print(*row, sep=" | ", flush=True)
    return row


def _likeness(pairs: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.float32]:
    return alike(np.stack([one for one, _ in pairs]), np.stack([other for _, other in pairs]))


def _quick(images: int, tested: int = 234) -> str:
    """How long a run that has seen many images takes, in words."""
    from scipy.ndimage import gaussian_filter

    rng, edge = np.random.default_rng(0), EDGES[2]
    base = gaussian_filter(rng.standard_normal((512, edge, edge)), (0, 3, 3))
    mixed = base[rng.integers(0, 512, images)] + base[rng.integers(0, 512, images)][:, ::-1]
    low, high = mixed.min((1, 2), keepdims=True), mixed.max((1, 2), keepdims=True)
    shown = np.round(255 * (mixed - low) / (high - low)).astype(np.uint8)

    def scans(first: int, last: int) -> Fingerprints:
        count, every = last - first, np.arange(last - first)
        names = tuple(f"chexpert/train/patient{n:06}/study1/view1_frontal" for n in range(first, last))
        digests = rng.integers(0, 256, (3 * count, 32), np.uint8)
        whose = np.repeat(every, 3)
        return Fingerprints(names, names, np.zeros(count, bool), digests, whose, shown[first:last], every)

    seen = scans(0, images - tested)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seen.npz"
        times = [time.perf_counter()]
        seen.save(path)
        times.append(time.perf_counter())
        loaded = Fingerprints.load(path)
        times.append(time.perf_counter())
        near(loaded, scans(images - tested, images), lambda _: None)
        times.append(time.perf_counter())
        size = path.stat().st_size / 1e6
    writing, reading, comparing = np.diff(times)
    return (
        f"A run that has seen {images:,} images: its file of {size:.0f} MB is written in {writing:.1f} s and read in "
        f"{reading:.1f} s, and {tested} test images are compared with it in {comparing:.0f} s."
    )
