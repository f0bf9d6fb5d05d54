"""Every byte of a cache is checked: whatever is flipped, cut, taken away or added is found by name, and mended."""

import json
import shutil

import numpy as np
import pytest

from pcrl.engine.cache.cache import Cache
from pcrl.engine.cache.digests import DIGESTS
from pcrl.engine.cache.verification.verify import verify_dataset
from pcrl.engine.ingest import ingest
from tests.helpers import radiographs, scans
from tests.helpers.cache import faults, flip, read_in_this_process, tree
from tests.helpers.command import pcrl

KINDS = {
    "zarr": ("luna", {"recipe": "cpu-3d", "workers": 1}),
    "hdf5": ("lits", {"recipe": "cpu-3d", "workers": 1, "storage": "hdf5"}),
    "labels": ("lits", {"recipe": "cpu-3d", "workers": 1}),
    "images": ("chexpert", {"recipe": "cpu-2d", "size": 64, "overrides": ["data.shard=4"]}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sources, and a cache of each kind."""
    folder = tmp_path_factory.mktemp("made")
    for n in range(2):
        scans.write(folder / f"lits/volume-{n}.nii", scans.body())
    scans.write(folder / "lits/segmentation-0.nii", (scans.body() > 0).astype(np.uint8))
    scans.write(folder / "luna/subset0/1.2.3.mhd", scans.body())
    (folder / "luna/annotations.csv").write_text("seriesuid,coordX\n1.2.3,1.0\n")
    radiographs.chexpert(folder / "chexpert", patients=3, valid=1)
    with pytest.MonkeyPatch.context() as patch:
        read_in_this_process(patch)
        for kind, (dataset, settings) in KINDS.items():
            ingest(dataset, folder / dataset, cache=folder / kind, **settings)
    return folder


@pytest.fixture(params=KINDS)
def kind(request, made, tmp_path, monkeypatch):
    """The kind of a cache, and a copy of its data set that may be damaged."""
    read_in_this_process(monkeypatch)
    dataset = KINDS[request.param][0]
    shutil.copytree(made / request.param / dataset, tmp_path / "cache" / dataset)
    return request.param, tmp_path / "cache" / dataset


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def names_it(found, name, kind):
    """Whether a finding is about this file: its own name, or that of its case and its own, or that of its shard."""
    if kind == "images" and name.startswith(("shards/", "images.zarr/c/")):
        number = int(name.split("/")[2]) if name.startswith("images") else int(name[7:13])
        return any(name == place or place == f"images.zarr/c/{number}/0/0" for place in found)
    if name.startswith("cases/"):
        _, case, rest = name.split("/", 2)
        return any(line.startswith(f"{rest}:") or rest in line for line in found.get(case, ()))
    return name in found


def damages(path, rng):
    """Flips of bytes everywhere, cuts, and the loss of a file; each undone before the next."""
    content, size = path.read_bytes(), path.stat().st_size
    for place in {0, size - 1, *rng.integers(0, size, 6).tolist()}:
        flip(path, int(place), int(rng.integers(8)))
        yield f"bit of byte {place}"
        path.write_bytes(content)
    for kept in {0, size // 2, size - 1}:
        path.write_bytes(content[:kept])
        yield f"cut to {kept}"
        path.write_bytes(content)
    path.write_bytes(content + b"\n")
    yield "a byte more"
    path.unlink()
    yield "gone"
    path.write_bytes(content)


def test_all_damage_is_found_by_name(kind):
    kind, folder = kind
    assert not faults(folder)
    rng, unseen = np.random.default_rng(0), []
    for path in files(folder):
        name = str(path.relative_to(folder))
        unseen += [(name, what) for what in damages(path, rng) if not names_it(faults(folder), name, kind)]
    assert not unseen
    assert not faults(folder)


def test_what_is_added_is_found_by_name(kind):
    _, folder = kind
    for parent in sorted({path.parent for path in files(folder)}):
        for name in (
            "more.txt",
            ".hidden",
            "commit.json",
            "dataset.json",
            "images.json",
            "table.csv",
            "000007.json",
        ):
            if (added := parent / name).exists():
                continue
            added.write_bytes(b"{}")
            assert str(added.relative_to(folder)) in faults(folder)
            added.unlink()
    assert not faults(folder)


def test_what_is_damaged_is_taken_out_and_made_anew(kind, made):
    kind, folder = kind
    dataset, settings = KINDS[kind]
    expected = tree(made / kind / dataset)
    rng = np.random.default_rng(1)
    for path in files(folder):
        way = int(rng.integers(3))
        if way == 0:
            path.unlink()
        elif way == 1:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            flip(path, int(rng.integers(path.stat().st_size)))
        (path.parent / "more.txt").write_text("added")
        assert pcrl("cache", "verify", folder.parent, cwd=made).returncode == 1
        done = pcrl("cache", "verify", folder.parent, "--discard", cwd=made)
        assert done.returncode == 0, done.stderr
        report = ingest(dataset, made / dataset, cache=folder.parent, **settings)
        assert not report.failed
        assert not faults(folder), path
        shutil.rmtree(folder / "lost+found")
        assert tree(folder) == expected, path


def test_all_that_is_damaged_at_once_is_mended_too(kind, made):
    kind, folder = kind
    dataset, settings = KINDS[kind]
    for path in files(folder):
        flip(path, path.stat().st_size // 2)
    if (folder / DIGESTS).exists():
        # Nothing can tell a damaged record from one of another version then.
        (folder / DIGESTS).write_bytes((made / kind / dataset / DIGESTS).read_bytes())
    assert pcrl("cache", "verify", folder.parent, "--discard", cwd=made).returncode == 0
    assert not ingest(dataset, made / dataset, cache=folder.parent, **settings).failed
    assert tree(folder) == tree(made / kind / dataset)


def test_of_an_earlier_version_it_is_said_what_cannot_be_checked(kind, made):
    kind, folder = kind
    (folder / DIGESTS).unlink()
    own = next(path for path in (folder / "dataset.json", folder / "images.json") if path.exists())
    record = json.loads(own.read_text())
    del record["digests"]
    own.write_text(json.dumps(record))
    (found,) = [one for one in verify_dataset(folder) if one.note]
    assert found.name == DIGESTS
    assert "records and tables cannot be checked; `pcrl cache upgrade` adds it" in found.note
    assert pcrl("cache", "verify", folder.parent, cwd=made).returncode == 0
    opened = Cache(folder.parent)
    assert opened.image_sets() or opened.datasets()[0].cases
    assert pcrl("cache", "upgrade", folder.parent, cwd=made).returncode == 0
    assert tree(folder) == tree(made / kind / KINDS[kind][0])


def test_digests_without_one_of_themselves_are_said_not_to_be_checked(kind):
    _, folder = kind
    record = json.loads((folder / DIGESTS).read_text())
    del record["sha256"]
    (folder / DIGESTS).write_text(json.dumps(record))
    assert not faults(folder)
    assert [one.note for one in verify_dataset(folder) if one.note] == [
        "cannot be checked itself: an earlier version wrote it; `pcrl cache upgrade` writes it anew"
    ]


def test_a_record_that_nothing_vouches_for_is_put_aside(kind, made):
    """Without `files.json` nobody knows whether it is damaged or of another version."""
    kind, folder = kind
    (folder / DIGESTS).unlink()
    own = next(path for path in (folder / "dataset.json", folder / "images.json") if path.exists())
    own.write_text(own.read_text().replace('"format": 1', '"format": 9'))
    (fault,) = faults(folder)[own.name]
    assert "is of format 9, this version of pcrl reads 1" in fault
    assert pcrl("cache", "verify", folder.parent, "--discard", cwd=made).returncode == 0
    dataset, settings = KINDS[kind]
    assert not ingest(dataset, made / dataset, cache=folder.parent, **settings).failed
    assert '"format": 9' in (folder / "lost+found" / own.name).read_text()
    shutil.rmtree(folder / "lost+found")
    assert tree(folder) == tree(made / kind / dataset)


def test_a_data_set_that_lost_its_record_is_named_when_the_cache_is_opened(kind, made):
    _, folder = kind
    next(path for path in (folder / "dataset.json", folder / "images.json") if path.exists()).unlink()
    done = pcrl("cache", "info", folder.parent, cwd=made)
    assert done.returncode == 1
    assert "is missing. Run `pcrl cache verify" in done.stderr
