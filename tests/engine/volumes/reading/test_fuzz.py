"""Files that were changed anywhere are refused by name, or read as they say: no traceback, no hang, no wrong result.

`PCRL_FUZZ` is the number of mutations of each file (few by default), `PCRL_FUZZ_SEED` another seed than 0, and
`PCRL_FUZZ_SOURCE` a folder of volumes of one's own that are mutated, too.
"""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits
from pcrl.workers.pool import Workers
from tests.helpers.foreign import mutations, plain
from tests.helpers.foreign.attempts import attempt

COUNT, SEED = int(os.environ.get("PCRL_FUZZ", "30")), int(os.environ.get("PCRL_FUZZ_SEED", "0"))
ENDINGS = (".nii", ".nii.gz", ".mha", ".nrrd")


@pytest.fixture(scope="module")
def workers():
    with Workers(attempt, 1, Limits(20.0, resident=3_000_000_000)) as made:
        yield made


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return mutations.originals(tmp_path_factory.mktemp("whole"))


def kind_of(name):
    return "volume" if name in mutations.VOLUMES else "slice" if name in mutations.SLICES else "picture"


def check(path, kind, content, name, workers, folder):
    """Read mutations of a file; what is neither refused by name nor right."""
    before = workers.call((kind, path))
    assert not isinstance(before, (Fault, str)), before
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
    tasks = []
    for n in range(COUNT):
        # A name that is markup to a console that shows it.
        target = folder / f"{n}[/x]" / name
        target.parent.mkdir(parents=True)
        for beside in path.parent.glob("*.raw"):
            (target.parent / beside.name).write_bytes(beside.read_bytes())
        target.write_bytes(mutations.mutated(content, name, rng))
        tasks.append((kind, target))
    wrong, refused = [], 0
    for (_, target), found in workers.run(tasks):
        if isinstance(found, str):
            refused += 1
            if str(target) not in found or "Error:" in found or "\n" in found:
                wrong.append(f"{target}: not named: {found}")
        elif isinstance(found, Fault):
            wrong.append(f"{target}: {found.reason}")
        elif not (same(found, before) or same(found, plainly(kind, target))):
            wrong.append(f"{target}: read as something else, {found[0].shape}, {found[1]}")
    return wrong, refused


def plainly(kind, path):
    """What another reader makes of a file."""
    try:
        if kind == "volume":
            return plain.read(path)
        if kind == "slice":
            import pydicom

            file = pydicom.dcmread(path, force=True)
            if "TransferSyntaxUID" not in file.file_meta:
                is_implicit = file.original_encoding[0]
                file.file_meta.TransferSyntaxUID = (
                    pydicom.uid.ImplicitVRLittleEndian if is_implicit else pydicom.uid.ExplicitVRLittleEndian
                )
            return file.pixel_array, (1.0,)
        return attempt((kind, path))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def same(one, other):
    """The same values, whatever way round, and spacings to a thousandth."""
    if isinstance(other, str):
        return False
    values, expected = (np.sort(np.ravel(each[0]).astype(np.float64)) for each in (one, other))
    steps, wanted = (np.sort(np.array(each[1], float)) for each in (one, other))
    return (
        values.shape == expected.shape
        and steps.shape == wanted.shape
        and np.allclose(values, expected, rtol=1e-5, equal_nan=True)
        and np.allclose(steps, wanted, rtol=1e-3)
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*mutations.VOLUMES, *mutations.SLICES, *mutations.PICTURES])
def test_a_mutated_file_is_refused_by_name_or_read_as_it_says(whole, workers, tmp_path, name):
    wrong, refused = check(whole[name], kind_of(name), whole[name].read_bytes(), name, workers, tmp_path)
    assert not wrong, "\n".join(wrong)
    assert refused  # else nothing was tried


OWN = os.environ.get("PCRL_FUZZ_SOURCE")


@pytest.mark.skipif(not OWN, reason="PCRL_FUZZ_SOURCE names no folder of files to be mutated")
@pytest.mark.filterwarnings("ignore")
def test_files_of_ones_own(workers, tmp_path):
    for number, path in enumerate(sorted(p for p in Path(OWN).rglob("*") if p.name.endswith(ENDINGS))):
        place = tmp_path / str(number)
        wrong, _ = check(path, "volume", path.read_bytes(), path.name, workers, place)
        assert not wrong, "\n".join(wrong)
