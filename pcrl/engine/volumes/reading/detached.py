"""Headers whose voxels may lie in files of their own: MetaImage (`.mhd`), NRRD (`.nhdr`), `.hdr` with its `.img`."""

from __future__ import annotations

import math
import re
from pathlib import Path

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.reading.text import META, NRRD, is_meta, text_header
from pcrl.regular import why_not_regular

_COUNTED = re.compile(r"(\S*%0?\d*d\S*)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(?:\s+\d+)?")
"""A pattern of printf, its first and last number, and the step between them."""
_MOST_FILES, _MOST_AXES = 100_000, 8
_META_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_NRRD_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t"), 4),
    **dict.fromkeys(("longlong", "long long", "int64", "int64_t", "ulonglong", "uint64", "uint64_t"), 8),
    "float": 4, "double": 8,
}  # fmt: skip


def voxel_files(path: Path) -> list[Path]:
    """The files that a header names for its voxels, there or not; empty where they are not files of their own.

    Raises:
        OSError: the header cannot be read.
        ReadError: it counts files that cannot be.
    """
    suffix = path.suffix.lower()
    if suffix in (".hdr", ".img"):
        return _pair(path)
    if suffix not in META + NRRD or why_not_regular(path):
        return []
    header = text_header(path)
    fields = header.fields
    name = fields.get("elementdatafile") or fields.get("data file") or fields.get("datafile") or ""
    if not name.isprintable():
        raise ReadError(
            f"{path}: names its voxels' file as {name[:80]!r}: the header is damaged; copy it again"
        )
    if name.upper().startswith("LIST"):
        return [path.parent / line for line in header.after]
    if not name or name.upper() == "LOCAL":
        return []
    return [path.parent / each for each in _counted(path, name)]


def check_voxel_files(path: Path) -> None:
    """Refuse a header whose voxels are not there, not all there, or more than it announces.

    Raises:
        OSError: it cannot be read.
        ReadError: names the file that is missing, no regular file, or of another size than its header announces.
    """
    header = text_header(path) if path.suffix.lower() in META + NRRD else None
    if header is not None:
        if is_meta(path) and header.odd:
            # ITK stops there, or takes what follows for something else.
            raise ReadError(
                f"{path}: a line of its header is {header.odd[0][:80]!r}, expected NAME = VALUE: it is damaged; copy "
                "the file again"
            )
        _check_axes(path, header.fields)
    files = voxel_files(path)
    for file in files:
        if reason := why_not_regular(file):
            reason = "is missing" if reason == "no such file" else reason
            raise ReadError(
                f"{path}: its voxels should lie in {file}, which {reason}: put it there, such as from the archive "
                "that the header came in"
            )
    if header is None:
        return
    expected = _bytes(path, header.fields)
    if expected is None or not (files or header.end is not None):
        return
    whole, slice_bytes = expected
    found = sum(file.stat().st_size for file in files) if files else path.stat().st_size - (header.end or 0)
    where = files[0] if files else "it"
    if found < whole:
        raise ReadError(
            f"{path}: {where} is truncated: {found:,} bytes of voxels, the header announces {whole:,}; copy it again"
        )
    if found - whole >= max(1, slice_bytes):
        raise ReadError(
            f"{path}: {where} holds {found:,} bytes of voxels, the header announces {whole:,}: its sizes or its type "
            "are not those of the voxels; correct the header"
        )


def compressed_voxels(path: Path) -> tuple[Path, int, int, int] | None:
    """Where the one stream of compressed voxels is, if there is one.

    Returns:
        Its file, its first byte, and how many bytes the header announces of the voxels and of a slice of them.

    Raises:
        OSError: the header cannot be read.
    """
    if path.suffix.lower() not in META + NRRD:
        return None
    header, files = text_header(path), voxel_files(path)
    announced = _bytes(path, header.fields, compressed=True)
    skipped = {
        header.fields.get(name, "0")
        for name in ("headersize", "byte skip", "byteskip", "line skip", "lineskip")
    }
    if announced is None or skipped != {"0"} or len(files) > 1 or not (files or header.end is not None):
        return None
    return (files[0], 0, *announced) if files else (path, header.end or 0, *announced)


def _pair(path: Path) -> list[Path]:
    """The other half of a header `.hdr` and its voxels `.img`."""
    if path.suffix.lower() == ".img":
        return [path.with_suffix(".hdr")]
    compressed = path.with_suffix(".img.gz")
    return [compressed if compressed.exists() else path.with_suffix(".img")]


def _counted(path: Path, name: str) -> list[str]:
    """The names that a pattern of printf stands for; else the name itself."""
    match = _COUNTED.fullmatch(name)
    if match is None:
        return [name]
    first, last, step = (int(number) for number in match.groups()[1:])
    numbers = range(first, last + 1, step) if step > 0 else range(0)
    if not 0 < len(numbers) <= _MOST_FILES:
        raise ReadError(
            f"{path}: names its voxels' files as {name!r}: expected a pattern, its first and last number"
        )
    before, width, behind = re.split(r"%(0?\d{0,2})\d*d", match[1], maxsplit=1)
    return [f"{before}{number:{width}d}{behind}" for number in numbers]


def _check_axes(path: Path, fields: dict[str, str]) -> None:
    """Before ITK sees them: it believes a header whatever number of axes it states, and how many values follow."""
    name, counts = ("NDims", "dimsize") if path.suffix.lower() in META else ("dimension", "sizes")
    stated = fields.get(name.lower(), "")
    axes = int(stated) if re.fullmatch(r"\d{1,9}", stated) else 0
    if not 1 <= axes <= _MOST_AXES:
        raise ReadError(
            f"{path}: {name} is {stated[:40] or 'not stated'!r}, expected 3: the header is damaged"
        )
    sizes = fields.get(counts, "").split()
    if len(sizes) != axes or not all(re.fullmatch(r"[1-9]\d{0,8}", size) for size in sizes):
        raise ReadError(
            f"{path}: its size is stated as {fields.get(counts, '')[:80]!r}, expected {axes} whole numbers above 0: "
            "the header is damaged"
        )


def _bytes(path: Path, fields: dict[str, str], compressed: bool = False) -> tuple[int, int] | None:
    """Bytes of the voxels and of one slice, where the header's types are known, and they are as it states.

    Args:
        compressed: whether they are asked for of compressed voxels, or of others.
    """
    meta = path.suffix.lower() in META
    if meta:
        kind = fields.get("elementtype", "").upper().removeprefix("MET_").removesuffix("_ARRAY")
        size = _META_BYTES.get(kind) or _META_BYTES.get(kind.removeprefix("U"))
        fits = compressed is (fields.get("compresseddata", "false").lower() in ("true", "1"))
        skipped = fields.get("headersize", "0")
    else:
        size = _NRRD_BYTES.get(fields.get("type", "").lower())
        fits = fields.get("encoding", "").lower() in (("gzip", "gz") if compressed else ("raw",))
        skipped = fields.get("line skip", fields.get("lineskip", "0"))
        if skipped == "0":
            skipped = fields.get("byte skip", fields.get("byteskip", "0"))
        elif skipped != "0":
            fits = False
    if size is None or not fits or not re.fullmatch(r"\d{1,9}", skipped):
        return None
    sizes = [int(n) for n in fields["dimsize" if meta else "sizes"].split()]
    stated = fields.get("elementnumberofchannels", "1") or "1"
    if not re.fullmatch(r"[1-9]\d{0,6}", stated):
        raise ReadError(
            f"{path}: ElementNumberOfChannels is {stated[:40]!r}, expected 1: the header is damaged"
        )
    each = size * int(stated)
    return math.prod(sizes) * each + int(skipped), math.prod(sizes[:2]) * each
