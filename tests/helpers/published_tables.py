"""The published tables of CheXpert and ChestX-ray14 in full, as a Python package ships them; without their images."""

import gzip
import zipfile

from pcrl.datasets.sample.sources import Package

TORCHXRAYVISION = Package(
    "torchxrayvision", "1.5.7", "torchxrayvision-1.5.7-py3-none-any.whl", "Apache-2.0", ("torchxrayvision==1.5.7",)
)  # fmt: skip


def unpack(wheel, name, to):
    """Lay a table out at `to`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        to.write_bytes(gzip.decompress(archive.read(f"torchxrayvision/data/{name}")))
