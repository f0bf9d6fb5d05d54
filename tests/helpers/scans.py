"""Small scans made for the tests: an air box with a fat shell, soft tissue, and one bright block to find again."""

import struct

import numpy as np
import SimpleITK as sitk

BRIGHT = 700
VIEWS = (
    "views.global_boxes=[[16, 24, 24], [16, 16, 16]]",
    "views.lung_limits=[1, 1]",
    "views.margin=[2, 2, 2]",
    "views.global_shape=[8, 16, 16]",
    "views.local_boxes=[[8, 8, 8], [4, 4, 4]]",
    "views.local_shape=[8, 8, 8]",
)
"""Settings of views that fit into these scans, as `--set` takes them."""


SFORM = np.array([-1.0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0])
"""That of a NIfTI that `write` has written with voxels of 1 mm at the origin, row by row."""
_FIELDS = {
    "pixdim": ("<4f", 76), "unit": ("<b", 123), "codes": ("<2h", 252), "offset": ("<3f", 268), "sform": ("<12f", 280),
}  # fmt: skip


def body(shape=(24, 32, 40)):
    """(z, y, x) int16 in HU, with a bright block off-centre on every axis."""
    values = np.full(shape, -1000, np.int16)
    inner = tuple(slice(n // 8, n - n // 8) for n in shape)
    values[inner] = -100
    inner = tuple(slice(n // 4, n - n // 4) for n in shape)
    values[inner] = 40
    values[tuple(slice(n // 4, n // 2) for n in shape)] = BRIGHT
    return values


def write(path, values, spacing=(1.0, 1.0, 1.0), direction=None, origin=(0.0, 0.0, 0.0)):
    """Write (z, y, x) values; spacing, direction and origin in SimpleITK's (x, y, z)."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(tuple(np.asarray(direction, float).ravel()))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return image


def edit_header(path, **fields):
    """Let an uncompressed NIfTI-1 say what no library writes; `codes` are of qform and sform, `offset` the qform's."""
    content = bytearray(path.read_bytes())
    for name, value in fields.items():
        form, at = _FIELDS[name]
        struct.pack_into(form, content, at, *np.atleast_1d(value).tolist())
    path.write_bytes(bytes(content))


def rotation(*degrees):
    """Rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        turn = np.eye(3)
        i, j = [a for a in range(3) if a != axis]
        turn[[i, i, j, j], [i, j, i, j]] = [np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)]
        matrix = turn @ matrix
    return matrix
