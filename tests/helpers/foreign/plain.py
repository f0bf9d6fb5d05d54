"""Readers of a few lines for the formats of volumes: what a file says, without any library that pcrl reads it with."""

import gzip
import re
import struct
import zlib

import numpy as np

_NIFTI = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_META = {
    "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_FLOAT": "f4", "MET_INT": "i4", "MET_UINT": "u4", "MET_CHAR": "i1",
    "MET_UCHAR": "u1", "MET_DOUBLE": "f8", "MET_LONG": "i4", "MET_ULONG": "u4",
}  # fmt: skip
_NRRD = {
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2", "unsigned short": "u2", "float": "f4", "int": "i4",
    "uchar": "u1", "signed char": "i1", "double": "f8", "uint": "u4",
}  # fmt: skip


def read(path):
    """Values (z, y, x) and spacing (x, y, z) in mm of a file; any exception if it is damaged."""
    if path.name.endswith((".nii", ".nii.gz")):
        return nifti(path)
    return nrrd(path) if path.suffix == ".nrrd" else meta(path)


def nifti(path):
    """By nifti1.h, sform before qform before pixdim."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    order = "<" if struct.unpack_from("<i", content)[0] == 348 else ">"
    dims, kind = (
        struct.unpack_from(order + "8h", content, 40),
        struct.unpack_from(order + "h", content, 70)[0],
    )
    steps, (start,) = (
        struct.unpack_from(order + "8f", content, 76),
        struct.unpack_from(order + "f", content, 108),
    )
    slope, inter = struct.unpack_from(order + "2f", content, 112)
    sizes = list(dims[1 : dims[0] + 1])
    dtype = np.dtype(order + _NIFTI[kind])
    values = np.frombuffer(content, dtype, int(np.prod(sizes)), int(start)).reshape(sizes[::-1])
    while values.ndim > 3 and values.shape[0] == 1:
        values = values[0]
    if np.isfinite(slope) and (slope not in (0, 1) or inter) and slope:
        values = values * np.float64(slope) + inter
    (unit,) = struct.unpack_from("b", content, 123)
    (sform,) = struct.unpack_from(order + "h", content, 254)
    rows = np.array(struct.unpack_from(order + "12f", content, 280)).reshape(3, 4)
    spacing = np.linalg.norm(rows[:, :3], axis=0) if sform > 0 else np.abs(steps[1:4])
    unit_rows = rows[:, :3] / np.where(spacing > 0, spacing, 1)
    if not np.allclose(unit_rows.T @ unit_rows, np.eye(3), atol=0.01):  # no grid: the other place is taken
        spacing = np.abs(steps[1:4])
    return values, spacing * {1: 1000.0, 2: 1.0, 3: 0.001}.get(unit & 7, 1.0)


def meta(path):
    """A MetaImage, its voxels in it or beside it."""
    content = path.read_bytes()
    head, mark, rest = content.partition(b"ElementDataFile = ")
    assert mark
    name, _, voxels = rest.partition(b"\n")
    fields = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", head.decode("latin1"), re.MULTILINE))
    if name.strip() != b"LOCAL":
        voxels = (path.parent / name.decode().strip()).read_bytes()
    if fields.get("CompressedData", "False").lower() == "true":
        voxels = zlib.decompress(voxels)
    sizes = [int(n) for n in fields["DimSize"].split()]
    is_big = (
        "true" in (fields.get("BinaryDataByteOrderMSB", "") + fields.get("ElementByteOrderMSB", "")).lower()
    )
    dtype = np.dtype((">" if is_big else "<") + _META[fields["ElementType"]])
    values = np.frombuffer(voxels, dtype, int(np.prod(sizes)), int(fields.get("HeaderSize", 0)))
    spacing = fields.get("ElementSpacing") or fields.get("ElementSize") or "1 1 1"
    return values.reshape(sizes[::-1]), np.array([float(step) for step in spacing.split()])


def nrrd(path):
    """An NRRD with its voxels in it."""
    head, mark, voxels = path.read_bytes().partition(b"\n\n")
    assert mark
    found = re.findall(r"^([^:#\n]+):\s*(.*?)\s*$", head.decode("latin1"), re.MULTILINE)
    fields = {name.lower(): value for name, value in found}
    sizes = [int(n) for n in fields["sizes"].split()]
    if fields["encoding"] in ("gzip", "gz"):
        voxels = gzip.decompress(voxels)
    order = ">" if fields.get("endian") == "big" else "<"
    values = np.frombuffer(voxels, np.dtype(order + _NRRD[fields["type"].lower()]), int(np.prod(sizes)))
    directions = re.findall(r"\(([^)]*)\)", fields.get("space directions", ""))
    rows = [[float(part) for part in one.split(",")] for one in directions] or np.eye(3)
    return values.reshape(sizes[::-1]), np.linalg.norm(rows, axis=1)
