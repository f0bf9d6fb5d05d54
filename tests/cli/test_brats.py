"""Four channels a case, from a BraTS tree through ingest, the cache's commands and pre-training, as a user types it."""

import numpy as np
import pytest

from pcrl.engine.cache.cache import Cache
from tests.helpers import brains, patients, scans
from tests.helpers.command import pcrl

pytestmark = pytest.mark.slow

CASES = 6


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brats")
    brains.write_brats(folder / "data/brats", CASES)
    done = pcrl("ingest", "--dataset", "brats", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_cache_holds_the_channels_in_their_order(workplace):
    case = Cache(workplace / "cache").dataset("brats").cases[2]
    values, label = brains.head(2)
    stored = case.voxels.read()
    assert stored.shape == (4, 48, 32, 40)
    assert case.occupancy.shape[0] == len(case.record.intensities) == 4
    for channel, original, intensity in zip(stored, values, case.record.intensities, strict=True):
        restored = channel * intensity.slope + intensity.intercept
        inside = brains.head(2)[0][0] > 0
        # Slices lie 2 mm apart: every original slice is between two of the cache.
        halved = (restored[::2] + restored[1::2]) / 2
        assert np.corrcoef(halved[inside], original[inside])[0, 1] > 0.8
    assert np.array_equal(case.label(original=True).read(), label)
    assert case.label_record.values == (0, 1, 2, 4)


def test_info_verify_preview_and_copy_take_four_channels(workplace):
    shown = pcrl("cache", "info", cwd=workplace).stdout
    assert f"{CASES} (mr), {CASES} with a label" in shown
    assert "1 necrotic core, 2 oedema, 4 enhancing tumour" in shown
    assert f"{CASES} cases checked, 0 damaged" in pcrl("cache", "verify", cwd=workplace).stdout
    assert pcrl("cache", "preview", "--out", "sheet.png", cwd=workplace).returncode == 0
    assert pcrl("cache", "copy", "cache", "other", cwd=workplace).returncode == 0
    assert f"{CASES} cases checked, 0 damaged" in pcrl("cache", "verify", "other", cwd=workplace).stdout
    one, other = (Cache(workplace / name).dataset("brats").cases[0] for name in ("cache", "other"))
    assert np.array_equal(one.voxels.read(), other.voxels.read())


def test_pretraining_draws_from_it(workplace):
    overrides = [word for setting in patients.TINY for word in ("--set", setting)]
    done = pcrl("pretrain", "--cache", "cache", "--recipe", "cpu-3d", *overrides, cwd=workplace)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("channel", "how", "named"),
    [
        ("t2", "smaller", "_t2.nii.gz: it has 24×32×39 voxels"),
        ("flair", "elsewhere", "_flair.nii.gz: it lies elsewhere than"),
        ("t1ce", "empty", "_t1ce.nii.gz: the file is empty"),
        ("t1", "link", "_t1.nii.gz: is a link to nowhere, which is not there"),
    ],
)
def test_a_channel_that_does_not_fit_is_named(tmp_path, channel, how, named):
    (name,) = brains.write_brats(tmp_path / "data/brats", 1)
    path = tmp_path / f"data/brats/HGG/{name}/{name}_{channel}.nii.gz"
    path.unlink()
    if how == "empty":
        path.touch()
    elif how == "link":
        path.symlink_to("nowhere")
    else:
        values = brains.head(0)[0][0]
        cut, origin = (39, (0.0, 0.0, 0.0)) if how == "smaller" else (40, (9.0, 0.0, 0.0))
        scans.write(path, values[..., :cut], (1.0, 1.0, 2.0), origin=origin)
    done = pcrl("ingest", "--dataset", "brats", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert named in done.stdout.replace("\n", "")


def test_a_case_without_a_channel_fails_alone(tmp_path):
    name, _ = brains.write_brats(tmp_path / "data/brats", 2)
    (tmp_path / f"data/brats/HGG/{name}/{name}_t1ce.nii.gz").unlink()
    done = pcrl("ingest", "--dataset", "brats", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert f"failed {name}: " in done.stdout
    assert f"case {name} has no t1ce; it has" in done.stdout.replace("\n", " ")
    assert "1 patient" in done.stdout
