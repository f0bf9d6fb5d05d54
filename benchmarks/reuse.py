"""Would a cache of decoded chunks pay? How often it would hit, and the most that this could save.

Drawn, not built: the chunks that samples ask for, in the order in which they are asked for, against a cache that lets
go of what was not used for longest. A hit saves finding, checking and decompressing a chunk, but not copying it.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from scan import RECIPE, case
from table import write

from pcrl.config import recipe_from
from pcrl.engine.loading.measure import rate
from pcrl.engine.loading.order import Order
from pcrl.engine.volumes.render import OpenCase, VolumeRenderer
from pcrl.engine.volumes.views import plan_views
from pcrl.kernels.streams import sample_key

CASES, SAMPLES = 100, 3000
WINDOWS, GIGABYTES = (1, 4, 16, 64), (0.25, 1, 4)


def main() -> None:
    """Draw and write the table."""
    opened, rows = OpenCase(case()), []
    made = rate(VolumeRenderer([case()] * 4, ["lung"] * 4, RECIPE), 1, 5.0)
    total = 1e3 / made.samples
    for window in WINDOWS:
        recipe = recipe_from(
            RECIPE.model_dump(mode="json"), [f"training.window={window}", "training.samples_per_case=16"]
        )
        order = Order.of((16,) * CASES, recipe.training).epoch(0).ravel()[:SAMPLES]
        asked = [(int(s) // 16, chunk) for s in order for chunk in _chunks(opened, int(s))]
        for gigabytes in GIGABYTES:
            hits = _hits(asked, int(gigabytes * 1e9 / opened.boxes.table.chunk[-1] ** 3 / 2))
            saved = hits * (made.stages["read"] + made.stages["decode"])
            rows.append((str(window), f"{gigabytes:g}", f"{hits:.0%}", f"{total / (total - saved):.2f}×"))
    write(
        "reuse",
        "A cache of decoded chunks: what it could save",
        ["numpy", "numba", "blosc2"],
        ("cases open at a time", "GB of decoded chunks", "hits", "at most so many times as fast"),
        rows,
        f"Published 3D recipe, 16 samples of each of {CASES} cases as large as the real chest CT of `pcrl sample`, "
        f"chunks of 32³, the first {SAMPLES} samples of an epoch. A sample takes {total:.1f} ms on one core, of which "
        f"reading takes {made.stages['read']:.2f} and decompressing with copying {made.stages['decode']:.2f}: the last "
        "column takes both as saved whole, which no cache can do.",
    )


def _chunks(opened: OpenCase, sample: int) -> list[int]:
    """Numbers of the chunks under the views of a sample."""
    views = RECIPE.views
    plan = plan_views(
        sample_key(0, 0, sample), opened.shape, opened.tissues, "lung", views, RECIPE.corruption
    )
    touched = np.zeros(opened.boxes.table.offsets.shape[1:], bool)
    for view in plan.views:
        spans = zip(view.box.start, view.box.stop, strict=True)
        touched[tuple(slice(max(0, a) // 32, max(0, -(-b // 32))) for a, b in spans)] = True
    return np.flatnonzero(touched).tolist()


def _hits(asked: list[tuple[int, int]], room: int) -> float:
    kept: OrderedDict[tuple[int, int], None] = OrderedDict()
    hits = 0
    for chunk in asked:
        if chunk in kept:
            hits += 1
            kept.move_to_end(chunk)
        else:
            kept[chunk] = None
            if len(kept) > room:
                kept.popitem(last=False)
    return hits / len(asked)


if __name__ == "__main__":
    main()
