"""What a scan is: CT in Hounsfield units, or anything else, such as MR."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcrl.config import Modality
from pcrl.engine.errors import ScanError

UNSCALED = (874.0, 1124.0)
"""Fat and soft tissue (-150 to 100 HU) where 1,024 has not been subtracted."""
NARROWEST = 100.0
"""Hounsfield units that lie between the smallest and the largest value of any CT."""


def looks_like_hounsfield(values: NDArray[Any]) -> bool:
    """Whether at least one voxel in a thousand is fat or air (below −50 HU), which any CT of a body shows."""
    return float(np.mean(values[::2, ::2, ::2] < -50)) > 1e-3


def looks_unscaled(values: NDArray[Any]) -> bool:
    """Whether these are values of a CT without its rescale: tissue about 1,024, and air about 0.

    A body in Hounsfield units has little above 500, and not most of it where soft tissue lies without the rescale.
    """
    some = values[::2, ::2, ::2]
    if some.dtype.kind == "f" and not np.array_equal(np.rint(some), some):
        return False
    high = some > 500
    tissue = (some >= UNSCALED[0]) & (some <= UNSCALED[1])
    air = (some >= 0) & (some < 200)
    return bool(
        high.mean() > 0.05
        and tissue.sum() > 0.6 * high.sum()
        and air.mean() > 0.01
        and 1200 < float(values.max()) <= 5000
    )


def decide_modality(
    values: NDArray[Any], stated: Modality | None, forced: Modality | None, confirmed: bool = True
) -> tuple[Modality, list[str]]:
    """The modality to use; DICOM and data sets are believed unless the values or the user contradict.

    Args:
        stated: according to DICOM, or to the data set if the user says nothing else.
        forced: according to the user.
        confirmed: whether `forced` also says that values without fat and air are Hounsfield units.

    Returns:
        The modality, and what a user should know about it.

    Raises:
        ScanError: the user and the file disagree, or values under a CT window are not Hounsfield units.
    """
    if forced and stated and forced != stated:
        raise ScanError(f"the file says {stated}, --modality says {forced}: remove --modality")
    modality, between = forced or stated, f"values from {values.min():g} to {values.max():g}"
    if modality != "mr" and looks_unscaled(values):
        raise ScanError(
            f"{between}, most of the tissue about 1,024, look like a CT whose rescale slope and intercept were not "
            "applied: apply them first (usually value − 1024)"
            + ("; if it is no CT, ingest it with --modality mr" if modality is None else "")
        )
    hounsfield = looks_like_hounsfield(values)
    if modality == "ct" and not hounsfield:
        if forced is None or not confirmed:
            raise ScanError(
                f"{between} hold neither fat nor air (nothing below −50), as those of a body do: if they are "
                "Hounsfield units all the same, such as of a CT without skull, or clipped at 0, ingest it with "
                "--modality ct; if a rescale slope and intercept are missing, apply them first; if it is no CT, and "
                "no DICOM file says so, ingest it with --modality mr"
            )
        if float(values.max()) - float(values.min()) < NARROWEST:
            raise ScanError(
                f"{between} are no Hounsfield units, although --modality says ct: the window of CT would make one gray "
                "of them; bring them to Hounsfield units first, or ingest them with --modality mr"
            )
        note = (
            f"{between} hold neither fat nor air and are taken as Hounsfield units, as --modality says: if they are "
            "not, tissue has the wrong gray value"
        )
        return "ct", [note]
    return modality or ("ct" if hounsfield else "mr"), []
