"""What arms start from, and how long they are trained."""

import torch

from pcrl.config import VolumeModel
from pcrl.evaluation.arms.arm import Arm, permuted
from pcrl.evaluation.finetune.fit import Schedule
from pcrl.evaluation.run.trainings import schedule_of
from pcrl.models.volumes.nsunet import build
from pcrl.models.volumes.unet import build_unet

BASE = Schedule(epochs=20, learning_rate=1e-4, halve_every=8, patience=6, validate_every=2)


def state():
    torch.manual_seed(0)
    model = build(VolumeModel(width=4, levels=3)).train()
    with torch.no_grad():
        model.encoder(torch.randn(4, 1, 8, 8, 8))
    return model.state_dict()


def test_permuted_weights_have_the_same_values_in_every_tensor_at_other_places():
    before = state()
    kept = {name: value.clone() for name, value in before.items()}
    after = permuted(before, 0)
    assert after.keys() == before.keys()
    moved = 0
    for name, value in before.items():
        assert (after[name].shape, after[name].dtype) == (value.shape, value.dtype)
        torch.testing.assert_close(after[name].flatten().sort()[0], value.flatten().sort()[0], rtol=0, atol=0)
        moved += not torch.equal(after[name], value)
        if name.endswith("running_var"):
            assert (after[name] > 0).all()
    assert moved > 20
    torch.testing.assert_close(before, kept, rtol=0, atol=0)


def test_a_seed_mixes_the_same_way_and_another_one_otherwise():
    before = state()
    one, same, other = permuted(before, 1), permuted(before, 1), permuted(before, 2)
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_only_the_permuted_arm_is_mixed_and_a_network_can_begin_with_it():
    before = state()
    plain, mixed = Arm("pretrained", "", before), Arm("permuted", "", before, permuted=True)
    assert plain.start(3) is before
    assert Arm("scratch", "").start(0) is None
    assert Arm("odd", "", None, permuted=True).start(0) is None
    torch.testing.assert_close(mixed.start(3), permuted(before, 3), rtol=0, atol=0)
    model = build_unet(VolumeModel(width=4, levels=3), 2, 1, mixed.start(3)).eval()
    assert model(torch.randn(1, 1, 8, 8, 8)).isfinite().all()


def test_to_the_plateau_is_five_to_ten_times_as_long_and_all_others_are_trained_alike():
    longer = schedule_of(BASE, Arm("scratch-long", "", longer=True), 3e-4, frozen=False)
    assert longer == Schedule(
        epochs=200, learning_rate=3e-4, halve_every=40, patience=6, minimum=100, validate_every=2
    )
    for arm in (Arm("pretrained", "", {}), Arm("scratch", ""), Arm("shuffled", "", shuffled=True)):
        found = schedule_of(BASE, arm, 1e-3, frozen=True)
        assert found == Schedule(
            epochs=20, learning_rate=1e-3, halve_every=8, patience=6, validate_every=2, frozen=True
        )
