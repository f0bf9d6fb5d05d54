"""Files that are no scans, hang whoever opens them, or say what cannot be; and a crash of whoever reads a file."""

import gzip
import os
import socket
import struct

import numpy as np
import SimpleITK as sitk

from tests.helpers import scans

_META = "ObjectType = Image\nNDims = {axes}\nDimSize = {size}\nElementSpacing = {spacing}\nElementType = MET_SHORT\n"
CRASH = """
import ctypes, gzip, os, signal, time
real = gzip.open
def opened(path, *arguments, **options):
    if "segfault" in os.path.basename(str(path)):
        ctypes.string_at(0)
    if "killed" in os.path.basename(str(path)):
        os.kill(os.getpid(), signal.SIGKILL)
    if "exits" in os.path.basename(str(path)):
        os._exit(3)
    if "hangs" in os.path.basename(str(path)):
        time.sleep(600)
    return real(path, *arguments, **options)
gzip.open = opened
"""
"""What `sitecustomize.py` does to workers, that start with it on their path: some `.nii.gz` are fatal."""


def meta(path, axes=3, size="40 32 24", spacing="1 1 1", data="LOCAL", voxels=b""):
    """Write a MetaImage header, and what follows it."""
    text = _META.format(axes=axes, size=size, spacing=spacing) + f"ElementDataFile = {data}\n"
    path.write_bytes(text.encode() + voxels)


def nrrd(path, sizes="40 32 24", voxels=None, directions="(1,0,0) (0,1,0) (0,0,1)"):
    """Write an NRRD with its voxels in it."""
    head = f"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
    head += f"space directions: {directions}\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
    head += "space origin: (0,0,0)\n\n"
    path.write_bytes(head.encode() + (scans.body().tobytes() if voxels is None else voxels))


def nifti(path, compress=False, at=None, form="", value=(), more=b""):
    """Write a NIfTI of which the header says something else at a byte, and more behind its voxels."""
    plain = path.with_name("plain.nii")
    scans.write(plain, scans.body())
    content = bytearray(plain.read_bytes())
    plain.unlink()
    if at is not None:
        struct.pack_into(form, content, at, *value)
    content += more
    path.write_bytes(gzip.compress(content) if compress else content)


def _kinds():
    voxels = scans.body().tobytes()
    yield "axes.mhd", lambda p: meta(p, axes=300, size=" ".join(["2"] * 300), voxels=voxels), "NDims is '300'"
    yield "few-axes.mhd", lambda p: meta(p, axes=300, data="good.raw"), "NDims is '300'"
    yield "dot.mhd", lambda p: meta(p, data="."), "which is a folder"
    yield "huge.mha", lambda p: meta(p, size="30000 30000 30000", voxels=voxels), "truncated"
    yield "zero.mha", lambda p: meta(p, size="40 0 24", voxels=voxels), "whole numbers above 0"
    yield "short.mha", lambda p: meta(p, size="40 32 12", voxels=voxels), "are not those of the voxels"
    yield "tiny.mha", lambda p: meta(p, spacing="1e-30 1 1", voxels=voxels), "voxels of 1×1×1e-30 mm"
    yield "vast.mha", lambda p: meta(p, spacing="1e30 1 1", voxels=voxels), "expected 0.02 to 50 mm"
    yield "nan.mha", lambda p: meta(p, spacing="nan 1 1", voxels=voxels), "spacing"
    yield "pipe.mha", os.mkfifo, r"is a named pipe \(FIFO\)"
    yield "pipe.nii.gz", os.mkfifo, r"is a named pipe \(FIFO\)"
    yield "device.mha", lambda p: p.symlink_to("/dev/zero"), "is a link to /dev/zero, a device"
    yield "device.nrrd", lambda p: p.symlink_to("/dev/zero"), "is a link to /dev/zero, a device"
    yield "nowhere.nrrd", lambda p: p.symlink_to("missing"), "a link to missing, which is not there"
    yield "socket.nrrd", _socket, "is a socket"
    yield "error.mhd", lambda p: p.symlink_to("/proc/self/mem"), "cannot be read: Input/output error"

    def named(path, make):
        make(path.with_suffix(".raw"))
        meta(path, data=path.with_suffix(".raw").name)

    yield "piped.mhd", lambda p: named(p, os.mkfifo), r"which is a named pipe \(FIFO\)"
    yield "zeros.mhd", lambda p: named(p, lambda raw: raw.symlink_to("/dev/zero")), "a link to /dev/zero"

    def counted(path):
        os.mkfifo(path.parent / "slice000.raw")
        meta(path, data="slice%03d.raw 0 23 1")

    yield "counted.mhd", counted, r"slice000.raw, which is a named pipe"
    yield "words.mha", lambda p: meta(p, spacing="1 2*5 1", voxels=voxels), "expected numbers"
    yield (
        "line.mha",
        lambda p: _edit(p, voxels, b"ElementType", b"CompressedData\n<alse\nElementType"),
        "expected NAME = VALUE",
    )
    yield "truth.mha", lambda p: _edit(p, voxels, b"NDims", b"CompressedData = F!\nNDims"), "True or False"
    yield "null.mha", lambda p: _edit(p, voxels, b"= LOCAL", b"=\0LOCAL"), "voxels' file as"
    yield "stream.mha", _damaged_stream, "compressed voxels are damaged"
    yield "words.nrrd", lambda p: nrrd(p, directions="(1,0,0) (0,1&5,0) (0,0,1)"), "expected numbers"
    yield "sizes.nrrd", lambda p: nrrd(p, "40 32 12"), "are not those of the voxels"
    yield "many.nrrd", lambda p: nrrd(p, "40 32 99"), "truncated"
    yield "none.nrrd", lambda p: nrrd(p, "40 32 0"), "whole numbers above 0"
    sizes = (3, 30000, 30000, 30000, 1, 1, 1, 1)
    yield "huge.nii.gz", lambda p: nifti(p, True, 40, "<8h", sizes), "cannot hold"
    yield "zero.nii", lambda p: nifti(p, False, 42, "<h", (0,)), "sizes above 0"
    yield "axes.nii", lambda p: nifti(p, False, 40, "<h", (300,)), "number of axes"
    yield "half.nii", lambda p: nifti(p, False, 46, "<h", (12,)), "more than the 30,720 bytes"
    yield "type.nii", lambda p: nifti(p, False, 70, "<h", (999,)), "no type of NIfTI"
    yield "start.nii", lambda p: nifti(p, False, 108, "<f", (0,)), "vox_offset is 0"
    yield "nan-start.nii", lambda p: nifti(p, False, 108, "<f", (np.nan,)), "vox_offset is nan"
    yield "beyond.nii", lambda p: nifti(p, False, 108, "<f", (1e6,)), "truncated"
    yield "nan.nii", lambda p: nifti(p, False, 280, "<f", (np.nan,)), "not finite"
    yield "long.nii.gz", lambda p: nifti(p, True, more=bytes(1 << 20)), "more than the 61,440 bytes"
    yield "[/x].nii", lambda p: p.write_bytes(b""), "the file is empty"


def _edit(path, voxels, old, new):
    meta(path, voxels=voxels)
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))


def _damaged_stream(path):
    image = sitk.GetImageFromArray(scans.body())
    sitk.WriteImage(image, str(path), useCompression=True)
    content = bytearray(path.read_bytes())
    content[-40] ^= 255
    path.write_bytes(content)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


def write_all(folder):
    """One of each into a folder; its path → what has to be said of it, as a regular expression."""
    said = {}
    for name, make, words in _kinds():
        path = folder / name.rpartition(".")[2] / name
        path.parent.mkdir(exist_ok=True, parents=True)
        make(path)
        said[path] = words
    return said
