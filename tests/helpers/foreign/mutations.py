"""Small files of every format that is read, and what may happen to files: bits, bytes and numbers that change."""

import gzip
import re
import struct

import numpy as np
import SimpleITK as sitk
from PIL import Image
from pydicom.data import get_testdata_file

from tests.helpers import dicom, radiographs, scans

VOLUMES = ("a.nii", "a.nii.gz", "b.nii.gz", "a.mha", "z.mha", "a.mhd", "a.nrrd", "z.nrrd")
SLICES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
)
PICTURES = ("a.png", "sixteen.png", "a.jpg", "dx.dcm")
_NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "3",
    "7",
    "300",
    "65536",
    "2147483648",
    "1e30",
    "1e-30",
    "nan",
    "inf",
    "-0.5",
    "",
    "x",
)
_SHORTS = (0, 1, 2, 3, 4, 5, 8, -1, 300, 32767, -32768)
_FLOATS = (0.0, -1.0, 1e30, 1e-30, float("nan"), float("inf"), 352.0, 1.0, 0.5)


def volume():
    """(z, y, x) int16, no two slices alike."""
    values = scans.body((10, 12, 14)).astype(np.int16)
    return values + np.arange(values.size, dtype=np.int16).reshape(values.shape) % 7


def originals(folder):
    """One whole file of each name in `VOLUMES`, `SLICES` and `PICTURES`; name → path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in VOLUMES:
        values = volume().astype(np.float32) if name.startswith("b") else volume()
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((1.0, 1.5, 2.5))
        sitk.WriteImage(
            image, str(folder / name), useCompression=name.startswith("z") or name.endswith(".gz")
        )
    for name in SLICES:
        (folder / name).write_bytes(get_small(name).read_bytes())
    gray = radiographs.picture(3, (40, 48))
    radiographs.write(folder / "a.png", gray)
    Image.fromarray(gray.astype(np.uint16) * 200).save(folder / "sixteen.png")
    Image.fromarray(gray).save(folder / "a.jpg", quality=90)
    dicom.radiograph(folder / "dx.dcm", gray.astype(np.uint16) * 16)
    return {name: folder / name for name in (*VOLUMES, *SLICES, *PICTURES)}


def get_small(name):
    """A real DICOM file that comes with pydicom."""
    from pathlib import Path

    return Path(get_testdata_file(name, download=False))


def mutated(content, name, rng):
    """Other bytes, by one of the ways in which files go wrong."""
    inner = name.endswith(".gz") and rng.random() < 0.7
    plain = bytearray(gzip.decompress(content) if inner else content)
    ways = [_flip, _flip, _cut, _insert, _overwrite]
    if name.endswith((".nii", ".gz")) and (inner or name.endswith(".nii")):
        ways += [_nifti_field] * 6
    if name.endswith((".mha", ".mhd", ".nrrd")):
        ways += [_text_field] * 6
    if name.endswith(".dcm"):
        ways += [_short_of_dicom] * 4
    plain = ways[rng.integers(len(ways))](plain, rng)
    return gzip.compress(bytes(plain), 1) if inner else bytes(plain)


def _place(content, rng):
    """Headers come first, and matter most."""
    return int(rng.integers(min(len(content), 400) if rng.random() < 0.7 else len(content)))


def _flip(content, rng):
    for _ in range(rng.integers(1, 4)):
        content[_place(content, rng)] ^= 1 << int(rng.integers(8))
    return content


def _cut(content, rng):
    return content[: _place(content, rng)]


def _insert(content, rng):
    at = _place(content, rng)
    return content[:at] + bytes(rng.integers(0, 256, rng.integers(1, 9), np.uint8)) + content[at:]


def _overwrite(content, rng):
    at = _place(content, rng)
    content[at : at + 4] = bytes(rng.integers(0, 256, 4, np.uint8))
    return content


def _nifti_field(content, rng):
    if rng.random() < 0.5:
        struct.pack_into(
            "<h", content, int(rng.choice([*range(40, 56, 2), 70, 72, 252, 254])), rng.choice(_SHORTS)
        )
    else:
        places = [*range(76, 108, 4), 108, 112, 116, *range(256, 328, 4)]
        struct.pack_into("<f", content, int(rng.choice(places)), rng.choice(_FLOATS))
    return content


def _text_field(content, rng):
    """A number in the text of a header, or all numbers of a line."""
    found = list(
        re.finditer(rb"-?\d[\d.e+-]*", bytes(content[:600]).partition(b"\n\n")[0].partition(b"LOCAL")[0])
    )
    one = found[rng.integers(len(found))]
    number = rng.choice(_NUMBERS).encode()
    return content[: one.start()] + number + content[one.end() :]


def _short_of_dicom(content, rng):
    """Rows, columns, bits, representation, frames: the two bytes of a value."""
    tags = [
        b"\x28\x00\x10\x00",
        b"\x28\x00\x11\x00",
        b"\x28\x00\x00\x01",
        b"\x28\x00\x01\x01",
        b"\x28\x00\x02\x01",
    ]
    tag = tags[rng.integers(len(tags))]
    at = content.find(tag)
    if at < 0:
        return _flip(content, rng)
    is_explicit = content[at + 4 : at + 6] == b"US"
    struct.pack_into(
        "<h", content, at + 8 if is_explicit or at + 10 <= len(content) else at, rng.choice(_SHORTS)
    )
    return content
