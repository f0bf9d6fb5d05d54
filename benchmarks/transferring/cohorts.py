"""The virtual patients, and who plays which part: laid out as nnU-Net does, and taken into a cache by ingest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pcrl.config import VolumeRecipe
from pcrl.datasets.layouts.volumes.nnunet import find
from pcrl.datasets.sample.virtual.anatomy import ORGANS, SPACING, virtual_anatomy
from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.lock import locked
from pcrl.engine.cache.volumes.dataset import CachedCase
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.files import write_text
from transferring.settings import Budget

FIRST = {"pretraining": 10_000, "labelled": 20_000, "test": 30_000, "development": 40_000, "tuning": 50_000}
"""First seed of each part: no patient plays two. Development has patients of its own for everything."""
SETS = {
    "pretraining": "Dataset801_VirtualPretraining",
    "transfer": "Dataset802_VirtualTransfer",
    "development": "Dataset803_VirtualDevelopment",
    "tuning": "Dataset804_VirtualTuning",
}


def make(folder: Path, budget: Budget, recipe: VolumeRecipe) -> Cache:
    """Make and ingest all virtual patients that are not there yet.

    Raises:
        RuntimeError: a case could not be ingested.
    """
    unlabelled, tuned, scored = budget.development
    source = folder / "source"
    lay_out(source / SETS["pretraining"], _named("pretraining", budget.pretraining), (), labelled=False)
    lay_out(source / SETS["transfer"], _named("labelled", budget.pool), _named("test", budget.test))
    lay_out(source / SETS["development"], _named("development", unlabelled), (), labelled=False)
    rows = _named("tuning", tuned + scored)
    lay_out(source / SETS["tuning"], rows[:tuned], rows[tuned:])
    return ingest([source / name for name in SETS.values()], folder / "cache", recipe)


def ingest(sources: Sequence[Path], cache: Path, recipe: VolumeRecipe) -> Cache:
    """Take data sets in nnU-Net's layout into a cache; what is there already is kept."""
    for source in sources:
        dataset = find(source)
        with locked(cache / dataset.name):
            planned = plan(dataset, cache, recipe)
            if planned.todo:
                failed = [f"{o.task.case.name}: {o.error}" for o in run(planned, 2) if o.error]
                if failed:
                    raise RuntimeError(f"{source} could not be ingested: {'; '.join(failed)}")
    return Cache(cache)


def cases(cache: Cache, name: str, split: str) -> list[CachedCase]:
    """The cases of a part, in the order of their names."""
    found = cache.dataset(SETS[name].lower()).cases
    return sorted((case for case in found if case.split == split), key=lambda case: case.name)


def _named(part: str, count: int) -> list[int]:
    return [FIRST[part] + number for number in range(count)]


def lay_out(root: Path, train: Sequence[int], test: Sequence[int], labelled: bool = True) -> None:
    """Write virtual patients as an nnU-Net data set; those that are there already are kept."""
    import SimpleITK as sitk

    for seeds, images, labels in ((train, "imagesTr", "labelsTr"), (test, "imagesTs", "labelsTs")):
        for seed in seeds:
            image = root / images / f"anatomy-{seed}_0000.nii.gz"
            label = root / labels / f"anatomy-{seed}.nii.gz"
            if image.exists() and (label.exists() or not labelled):
                continue
            ct, organs = virtual_anatomy(seed)
            for values, path in ((organs, label), (ct, image)):
                if path is label and not labelled:
                    continue
                volume = sitk.GetImageFromArray(values)
                volume.SetSpacing((SPACING,) * 3)
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_name(f".partial-{path.name}")
                sitk.WriteImage(volume, str(partial))
                partial.replace(path)
    names = {"background": 0} | {organ: number for number, organ in enumerate(ORGANS, 1)}
    describe(root, names, {f"anatomy-{seed}": True for seed in (*train, *test)})


def describe(root: Path, labels: dict[str, int], virtual: dict[str, bool]) -> None:
    """Write what nnU-Net's layout says beside the images; no patient is kept from training but those of imagesTs."""
    described = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    write_text(root / "dataset.json", json.dumps(described, indent=1))
    write_text(root / "splits_final.json", json.dumps([{"train": [], "val": []}]))
    rows = "".join(f"{name},{name},{int(made)}\n" for name, made in virtual.items())
    write_text(root / "patients.csv", "case,patient,virtual\n" + rows)
