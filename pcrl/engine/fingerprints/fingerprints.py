"""Many scans by what gives them away, column by column, and the file that keeps them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pcrl.files import new_file

DIGEST = 32
"""Bytes of SHA-256."""
_BETWEEN = "\0"


class FingerprintError(ValueError):
    """A file of fingerprints that cannot be used; the message names it, and what is wrong."""


@dataclass(frozen=True)
class Fingerprints:
    """Scans or images, n of them.

    Args:
        names: `DATASET/NAME` of each.
        patients: whose each one is.
        virtual: (n,) generated, and of nobody.
        digests: (k, 32) uint8, SHA-256 of stored pixels, of voxels as they were read, and of the files.
        digest_of: (k,) whose each digest is, as position in `names`.
        thumbnails: (m, edge, edge) or (m, edge, edge, edge) uint8; one for each channel; none of virtual ones.
        thumbnail_of: (m,) whose each thumbnail is.
    """

    names: tuple[str, ...]
    patients: tuple[str, ...]
    virtual: NDArray[np.bool_]
    digests: NDArray[np.uint8]
    digest_of: NDArray[np.int64]
    thumbnails: NDArray[np.uint8]
    thumbnail_of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def without_thumbnails(self) -> int:
        """How many are of somebody and have no thumbnail: an earlier version stored them."""
        return int((~self.virtual).sum()) - len(np.unique(self.thumbnail_of))

    def save(self, path: Path) -> None:
        """Write or replace a file of them, in one step."""
        with new_file(path) as partial, partial.open("wb") as file:
            np.savez(
                file,
                names=_bytes_of(self.names),
                patients=_bytes_of(self.patients),
                virtual=self.virtual,
                digests=self.digests,
                digest_of=self.digest_of,
                thumbnails=self.thumbnails,
                thumbnail_of=self.thumbnail_of,
            )

    @classmethod
    def load(cls, path: Path) -> Fingerprints:
        """Read what `save` wrote.

        Raises:
            FingerprintError: damaged, or of another version.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as columns:
                found = cls(
                    _words_of(columns["names"]),
                    _words_of(columns["patients"]),
                    *(
                        columns[name]
                        for name in ("virtual", "digests", "digest_of", "thumbnails", "thumbnail_of")
                    ),
                )
            found._check()
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise FingerprintError(
                f"{path} cannot be used ({error}): it is damaged, or of another version of pcrl"
            ) from error
        return found

    def _check(self) -> None:
        count = len(self.names)
        owners = self.digest_of, self.thumbnail_of
        fits = (
            len(self.patients) == len(self.virtual) == count
            and self.digests.shape == (len(self.digest_of), DIGEST)
            and self.digests.dtype == self.thumbnails.dtype == np.uint8
            and len(self.thumbnails) == len(self.thumbnail_of)
            and all(each.dtype == np.int64 and not ((each < 0) | (each >= count)).any() for each in owners)
        )
        if not fits:
            raise ValueError("its columns do not fit together")


@dataclass
class Collection:
    """Fingerprints that come one by one."""

    _names: list[str] = field(default_factory=list)
    _patients: list[str] = field(default_factory=list)
    _virtual: list[bool] = field(default_factory=list)
    _digests: list[tuple[int, str]] = field(default_factory=list)
    _thumbnails: list[tuple[int, NDArray[np.uint8]]] = field(default_factory=list)

    def add(
        self,
        name: str,
        patient: str,
        virtual: bool,
        digests: Iterable[str],
        thumbnails: Sequence[NDArray[np.uint8]],
    ) -> None:
        """Add a scan.

        Args:
            digests: SHA-256 as hex; empty ones are passed over.
            thumbnails: one for each channel; those of a virtual scan are passed over.
        """
        place = len(self._names)
        self._names.append(name)
        self._patients.append(patient)
        self._virtual.append(virtual)
        self._digests += [(place, digest) for digest in sorted(set(digests) - {""})]
        if not virtual:
            self._thumbnails += [(place, thumbnail) for thumbnail in thumbnails]

    def fingerprints(self) -> Fingerprints:
        """All that were added."""
        digests = np.frombuffer(bytes.fromhex("".join(hexed for _, hexed in self._digests)), np.uint8)
        shown = [thumbnail for _, thumbnail in self._thumbnails]
        return Fingerprints(
            tuple(self._names),
            tuple(self._patients),
            np.array(self._virtual, bool),
            digests.reshape(-1, DIGEST),
            np.array([place for place, _ in self._digests], np.int64),
            np.stack(shown) if shown else np.empty((0, 0, 0), np.uint8),
            np.array([place for place, _ in self._thumbnails], np.int64),
        )


def joined(parts: Sequence[Fingerprints]) -> Fingerprints:
    """All of several; those without thumbnails may be of other dimensions than those with."""
    starts = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    shown = [part.thumbnails for part in parts if len(part.thumbnails)]
    return Fingerprints(
        tuple(name for part in parts for name in part.names),
        tuple(patient for part in parts for patient in part.patients),
        np.concatenate([part.virtual for part in parts]),
        np.concatenate([part.digests for part in parts]),
        np.concatenate([part.digest_of + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate(shown) if shown else np.empty((0, 0, 0), np.uint8),
        np.concatenate([part.thumbnail_of + start for part, start in zip(parts, starts, strict=True)]),
    )


def _bytes_of(words: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(_BETWEEN.join(words).encode("utf-8", "surrogateescape"), np.uint8)


def _words_of(content: NDArray[np.uint8]) -> tuple[str, ...]:
    text = content.tobytes().decode("utf-8", "surrogateescape")
    return tuple(text.split(_BETWEEN)) if text else ()
