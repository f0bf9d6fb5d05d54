"""Statistics of BatchNorm that are taken anew: plain averages over what is shown, and nothing else changes."""

import numpy as np
import torch
from torch import nn

from pcrl.evaluation.finetune.norms import settle

BATCHES = [
    torch.from_numpy(np.random.default_rng(n).normal(3 * n, n + 1, (6, 2, 4)).astype(np.float32))
    for n in range(5)
]


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.BatchNorm1d(2), nn.Dropout(0.9), nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3))
    )


def settled(module, frozen=None, batches=3):
    settle(module, frozen, lambda count: [module(batch) for batch in BATCHES[:count]], batches)
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_they_are_means_over_the_batches_that_are_shown():
    module = network()
    module(BATCHES[4])  # What was there before counts for nothing.
    found = settled(module)
    shown = torch.stack(BATCHES[:3]).double()
    torch.testing.assert_close(found["0.running_mean"], shown.mean(dim=(0, 1, 3)).float())
    each = torch.stack([batch.double().transpose(0, 1).flatten(1).var(dim=1) for batch in BATCHES[:3]])
    torch.testing.assert_close(found["0.running_var"], each.mean(dim=0).float())
    # Each layer is given what the one before makes of a batch by the statistics of this batch, without dropout.
    normalised = [functional(batch) for batch in BATCHES[:3] for functional in [nn.BatchNorm1d(2).train()]]
    made = torch.stack([module[2][0](one) for one in normalised])
    torch.testing.assert_close(found["2.1.running_mean"], made.mean(dim=(0, 1, 3)), rtol=1e-4, atol=1e-5)


def test_the_same_again_whatever_was_before_and_nothing_else_changes():
    module = network()
    before = {name: value.clone() for name, value in module.named_parameters()}
    first = settled(module)
    module.train()
    module(BATCHES[4])
    assert not torch.equal(module[0].running_mean, first["0.running_mean"])
    again = settled(module)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert all(torch.equal(value, before[name]) for name, value in module.named_parameters())
    assert [part.momentum for part in module.modules() if isinstance(part, nn.BatchNorm1d)] == [0.1, 0.1]
    assert not any(part.training for part in module.modules())


def test_a_frozen_part_and_what_keeps_no_statistics_are_left_alone():
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    after = settled(module, module[2])
    changed = {name for name, value in after.items() if not torch.equal(before[name], value)}
    assert changed == {"0.running_mean", "0.running_var", "0.num_batches_tracked"}
    bare = nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False))
    assert settled(bare) == {} or set(settled(bare)) == {"0.weight", "0.bias"}
