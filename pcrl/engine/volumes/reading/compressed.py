"""What ITK passes over in compressed MetaImage and NRRD files: that the stream is damaged, or of another length."""

from __future__ import annotations

import zlib
from pathlib import Path

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.detached import compressed_voxels

_BLOCK = 1 << 20
_ANY = zlib.MAX_WBITS | 32
"""A stream of zlib or of gzip, by its first bytes."""


def check_stream(path: Path) -> None:
    """Decompress the voxels of a file once, a piece at a time, and compare them with what its header announces.

    Does nothing where they are not compressed.

    Raises:
        ReadError: damaged, cut off, or of another length.
    """
    found = compressed_voxels(path)
    if found is None:
        return
    file, start, expected, slice_bytes = found
    stream, count = zlib.decompressobj(_ANY), 0
    try:
        with file.open("rb") as opened:
            opened.seek(start)
            rest = opened.read(_BLOCK)
            # Whatever it says, no more than one slice beyond what is announced is decompressed.
            while rest and not stream.eof and count < expected + slice_bytes:
                count += len(stream.decompress(rest, _BLOCK))
                rest = stream.unconsumed_tail or opened.read(_BLOCK)
            while (
                not stream.eof and count < expected + slice_bytes and (more := stream.decompress(b"", _BLOCK))
            ):
                count += len(more)
    except (zlib.error, OSError) as error:
        raise ReadError(f"{path}: its compressed voxels are damaged ({error}): copy it again") from error
    if count < expected or not (stream.eof or count >= expected + slice_bytes):
        raise ReadError(
            f"{path}: truncated: {count:,} bytes of voxels, the header announces {expected:,}; copy it again"
        )
    if count >= expected + slice_bytes:
        raise ReadError(
            f"{path}: holds more than the {expected:,} bytes of voxels that its header announces: its sizes or its "
            "type are not those of the voxels; correct the header, or copy the file again"
        )
