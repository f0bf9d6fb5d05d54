"""Headers whose voxels lie beside them: read, and what is not there is named."""

import gzip
import os

import numpy as np
import pytest

from pcrl.engine.errors import ReadError
from pcrl.engine.volumes.ingest.source import fingerprint
from pcrl.engine.volumes.reading.detached import voxel_files
from pcrl.engine.volumes.reading.reader import read
from tests.helpers import scans

NHDR = """NRRD0004
# comment: with a colon
type: short
dimension: 3
space: left-posterior-superior
sizes: 40 32 24
space directions: (1,0,0) (0,1,0) (0,0,2)
kinds: domain domain domain
endian: little
encoding: {encoding}
space origin: (0,0,0)
data file: {name}
"""


def write(folder, suffix):
    """A header and the file of its voxels."""
    if suffix == ".mhd":
        scans.write(folder / "a.mhd", scans.body(), (1.0, 1.0, 2.0))
        return folder / "a.mhd", folder / "a.raw"
    (folder / "a.nhdr").write_text(NHDR.format(encoding="raw", name="voxels.raw"))
    (folder / "voxels.raw").write_bytes(scans.body().astype("<i2").tobytes())
    return folder / "a.nhdr", folder / "voxels.raw"


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_beside_a_header(tmp_path, suffix):
    header, voxels = write(tmp_path, suffix)
    scan = read(header)
    np.testing.assert_array_equal(scan.values, scans.body())
    assert scan.grid.spacing == (2, 1, 1)
    assert voxel_files(header) == [voxels]
    before = fingerprint(header)[2:]
    voxels.write_bytes(voxels.read_bytes()[::-1])
    assert not set(fingerprint(header)[2:]) & set(before)


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_that_are_not_there_or_not_all_there_are_named(tmp_path, suffix):
    header, voxels = write(tmp_path, suffix)
    os.truncate(voxels, 500)
    with pytest.raises(ReadError, match=f"{voxels.name} is truncated: 500 bytes.*announces 61,440"):
        read(header)
    voxels.unlink()
    with pytest.raises(ReadError, match=f"{voxels.name}, which is missing"):
        read(header)


def test_compressed_voxels_and_lists_of_files(tmp_path):
    (tmp_path / "a.nhdr").write_text(NHDR.format(encoding="gzip", name="a.raw.gz"))
    (tmp_path / "a.raw.gz").write_bytes(gzip.compress(scans.body().tobytes()))
    np.testing.assert_array_equal(read(tmp_path / "a.nhdr").values, scans.body())
    scans.write(tmp_path / "b.mhd", scans.body())
    names = [f"slice{n}.raw" for n in range(24)]
    for name, plane in zip(names, scans.body(), strict=True):
        (tmp_path / name).write_bytes(plane.tobytes())
    text = (tmp_path / "b.mhd").read_text().replace("b.raw", "\n".join(["LIST", *names]))
    (tmp_path / "b.mhd").write_text(text)
    np.testing.assert_array_equal(read(tmp_path / "b.mhd").values, scans.body())
    (tmp_path / "slice7.raw").unlink()
    with pytest.raises(ReadError, match=r"slice7\.raw, which is missing"):
        read(tmp_path / "b.mhd")


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_voxels_in_the_header_file_itself(tmp_path, suffix):
    scans.write(tmp_path / f"a{suffix}", scans.body())
    assert voxel_files(tmp_path / f"a{suffix}") == []


@pytest.mark.parametrize("ending", [".hdr", ".nhdr", ".mhd"])
def test_voxels_that_are_no_regular_file_are_not_opened(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    scans.write(path, scans.body())
    (voxels,) = voxel_files(path)
    assert read(path).values.shape == (24, 32, 40)
    voxels.unlink()
    os.mkfifo(voxels)
    with pytest.raises(ReadError, match=rf"{voxels}, which is a named pipe \(FIFO\)"):
        read(path)


def test_a_numbered_pattern_of_files_is_read_and_each_of_them_is_looked_at(tmp_path):
    values = scans.body()
    for number, one in enumerate(values):
        one.tofile(tmp_path / f"s{number:03}.raw")
    size = " ".join(map(str, values.shape[::-1]))
    text = f"NDims = 3\nDimSize = {size}\nElementType = MET_SHORT\nElementDataFile = s%03d.raw 0 {len(values) - 1} 1\n"
    (tmp_path / "a.mhd").write_text(text)
    assert voxel_files(tmp_path / "a.mhd") == sorted(tmp_path.glob("*.raw"))
    np.testing.assert_array_equal(read(tmp_path / "a.mhd").values, values)
    (tmp_path / "s005.raw").write_bytes(b"short")
    with pytest.raises(ReadError, match="truncated"):
        read(tmp_path / "a.mhd")
