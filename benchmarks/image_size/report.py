"""The tables of sizes, crops and costs."""

from __future__ import annotations

import os

import torch
from table import grid, write

from image_size.cost import Cost, costs
from image_size.crops import ORIGINALS, enlarged, stored_size
from pcrl.config import ImageRecipe, load_recipe

SIZES = (256, 320, 384, 448, 480, 512)
COSTLY = (256, 384, 512)


def report(samples: int, rounds: int, seconds: float) -> None:
    """Measure, and write `results/image_size.md`."""
    torch.set_num_threads(1)
    recipe = load_recipe("pcrlv2-2d")
    assert isinstance(recipe, ImageRecipe)
    load = os.getloadavg()[0]
    measured = costs(recipe, COSTLY, rounds, seconds)
    size, views = recipe.data.size, recipe.views
    write(
        "image_size",
        "Radiographs: how large in the cache?",
        ["numpy", "numba", "blosc2"],
        ("image", "`data.size`", "height × width in the cache", *_heads("global"), *_heads("local")),
        _rows(recipe, samples),
        f"Shares of {samples:,} samples (two global views {views.global_shape} and {views.locals} local ones "
        f"{views.local_shape} each) whose crop is smaller than the view along its height or its width, and whose crop "
        "has fewer pixels than the view in all. *File*: cut from the original, as the published chain does. Sizes "
        f"at which the file is stored as it is are left out. The recipe's size is {size}.\n\n"
        + grid(
            (
                "`data.size`",
                "codec",
                "bytes of an image",
                "samples/s, 1 thread",
                "spread",
                "ingest, images/s",
            ),
            [_cost_row(cost) for cost in measured],
        )
        + "\n\nDrawn radiographs of 1024×1024 pixels in 8 bits (`benchmarks/radiographs.py`), square in the cache; "
        f"{load:.1f} other processes were running at the beginning (load average). Loading: "
        f"medians of {rounds} rounds of {seconds:g} s in turns, page cache warm. Ingest: once, one process, decoding "
        "the PNG files included. Read cold, an epoch takes every byte once.",
    )


def _heads(kind: str) -> tuple[str, str]:
    return f"{kind}: a side is enlarged", f"{kind}: fewer pixels"


def _rows(recipe: ImageRecipe, samples: int) -> list[list[str]]:
    rows = []
    for name, original in ORIGINALS.items():
        stored = {str(size): stored_size(original, size, recipe.data.longest) for size in SIZES}
        smaller = {label: image for label, image in stored.items() if image != original}
        for label, image in {"file": original, **smaller}.items():
            shares = [f"{100 * share:.1f} %" for share in enlarged(recipe, image, samples)]
            rows.append([name, label, f"{image[0]} × {image[1]}", *shares])
    return rows


def _cost_row(cost: Cost) -> list[str]:
    median, low, high = cost.samples
    return [
        str(cost.size), cost.codec, f"{cost.bytes:,.0f}", f"{median:,.0f}", f"{low:,.0f} – {high:,.0f}",
        f"{cost.ingest:.0f}",
    ]  # fmt: skip
