"""A folder of weights knows each of its bytes."""

import pytest
import torch

from pcrl.config import VolumeModel
from pcrl.models.volumes.nsunet import NsUNet3D
from pcrl.models.weights.folder import load_weights, save_weights
from pcrl.models.weights.published import WeightsError
from pcrl.models.weights.whole import FILES, require_whole


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_weights(
        tmp_path / "w", VolumeModel(width=4, levels=2), NsUNet3D(width=4, levels=2).state_dict(), {"epoch": 3}
    )
    return tmp_path / "w"


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.json"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.999])
def test_one_flipped_bit_is_found_wherever_it_is(folder, name, place):
    content = bytearray((folder / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(WeightsError, match=f"{name}: damaged .its SHA-256"):
        load_weights(folder)


def test_other_lengths_and_missing_files_are_named(folder):
    with (folder / "weights.json").open("a") as file:
        file.write(" ")
    with pytest.raises(WeightsError, match=r"weights.json: damaged .\d+ bytes, and \d+ were written"):
        load_weights(folder)
    (folder / "weights.json").unlink()
    with pytest.raises(WeightsError, match=r"has no weights.json"):
        load_weights(folder)
    with pytest.raises(WeightsError, match=r"weights.json is missing, which was written with the others"):
        require_whole(folder)


def test_its_own_record_is_no_exception(folder):
    content = bytearray((folder / FILES).read_bytes())
    for place in range(0, len(content), 7):
        changed = content.copy()
        changed[place] ^= 1
        (folder / FILES).write_bytes(changed)
        try:
            load_weights(folder)
        except WeightsError:
            continue
        # Spaces between two values, or a letter of a key that JSON reads the same, mean nothing.
        assert bytes(content[place : place + 1]).isspace() or bytes(changed[place : place + 1]).isspace()


def test_of_an_earlier_version_nothing_can_be_checked(folder):
    (folder / FILES).unlink()
    assert load_weights(folder).source == {"epoch": 3}
