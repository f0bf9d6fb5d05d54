"""Headers whose voxels may lie in files of their own: MetaImage (`.mhd`) and NRRD (`.nhdr`)."""

from __future__ import annotations

import math
import re
from pathlib import Path

from pcrl.engine.errors import ReadError

_META, _NRRD = (".mhd", ".mha"), (".nhdr", ".nrrd")
_LONGEST_HEADER = 1 << 20
_FIELD = re.compile(r"([^:=]*)(:=|[:=]?)(.*)")
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
    """The files that a header names for its voxels, there or not; empty where they are not files of their own."""
    if path.suffix.lower() not in _META + _NRRD or not path.is_file():
        return []
    fields, after = _fields(path)
    name = fields.get("elementdatafile") or fields.get("data file") or fields.get("datafile") or ""
    if name.upper().startswith("LIST"):
        return [path.parent / line for line in after]
    # One file a slice, counted by a pattern of printf, is left to ITK.
    return [path.parent / name] if name and name.upper() != "LOCAL" and "%" not in name else []


def check_voxel_files(path: Path) -> None:
    """Refuse a header whose voxels are not there, or not all there.

    Raises:
        ReadError: names the file that is missing or too short.
    """
    files = voxel_files(path)
    for file in files:
        if not file.is_file():
            raise ReadError(
                f"{path}: its voxels should lie in {file}, which is missing: put it there, such as from the archive "
                "that the header came in"
            )
    expected = _bytes(path)
    found = sum(file.stat().st_size for file in files)
    if files and expected is not None and found < expected:
        raise ReadError(
            f"{path}: {files[0]} is truncated: {found:,} bytes of voxels, the header announces {expected:,}; copy it "
            "again"
        )


def _fields(path: Path) -> tuple[dict[str, str], list[str]]:
    """Fields of a header by their names in lower case, and the lines after the last of them."""
    fields: dict[str, str] = {}
    after: list[str] = []
    with path.open("rb") as file:
        lines = file.read(_LONGEST_HEADER).decode("utf-8", "replace").splitlines()
    for line in lines:
        key, mark, value = (part.strip() for part in _FIELD.fullmatch(line.strip()).groups())  # type: ignore[union-attr]
        if mark in (":", "=") and not line.startswith("#"):
            fields[key.lower()] = value
            after = []
        elif line.strip() and not mark:
            after.append(line.strip())
        if value == "LOCAL" or (not line.strip() and path.suffix.lower() in _NRRD):
            break
    return fields, after


def _bytes(path: Path) -> int | None:
    """Bytes of the voxels where they are not compressed and the header's types are known; None elsewhere."""
    fields, _ = _fields(path)
    meta = path.suffix.lower() in _META
    if meta:
        kind = fields.get("elementtype", "").upper().removeprefix("MET_").removesuffix("_ARRAY")
        size = _META_BYTES.get(kind) or _META_BYTES.get(kind.removeprefix("U"))
        plain = fields.get("compresseddata", "false").lower() != "true"
    else:
        size, plain = _NRRD_BYTES.get(fields.get("type", "").lower()), fields.get("encoding") == "raw"
    counts = (fields.get("dimsize") if meta else fields.get("sizes")) or ""
    if size is None or not plain or not re.fullmatch(r"\d+(\s+\d+)*", counts):
        return None
    channels = int(fields.get("elementnumberofchannels", "1") or 1)
    return math.prod(int(n) for n in counts.split()) * size * channels
