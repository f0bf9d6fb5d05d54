"""How several processes share batches, and the files of their machine."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pcrl.config import load_recipe
from pcrl.engine.batch import StageTimes
from pcrl.engine.loading.order import LoaderError, Order
from pcrl.engine.loading.ring import Ring
from tests.helpers import scans

GROUPS = (4,) * 60


@pytest.mark.parametrize("window", [0, 5])
@pytest.mark.parametrize("world", [1, 2, 3, 4, 6, 12])
def test_a_batch_has_the_same_samples_however_many_share_it(window, world):
    whole = Order(GROUPS, 12, seed=3, window=window)
    parts = [Order(GROUPS, 12, seed=3, window=window, rank=rank, world=world) for rank in range(world)]
    for epoch in range(2):
        together = np.concatenate([part.epoch(epoch) for part in parts], axis=1)
        np.testing.assert_array_equal(together, whole.epoch(epoch))


@pytest.mark.parametrize(
    ("batch", "world", "said"),
    [
        (
            32,
            3,
            "cannot be shared evenly by 3 ranks: set training.batch_size to a multiple of 3, or start 4 ranks",
        ),
        (32, 5, "or start 8 ranks"),
        (4, 6, "a batch of 4 is too small for 6 ranks: set training.batch_size to a multiple of 6"),
    ],
)
def test_a_batch_that_cannot_be_shared_evenly_is_refused(batch, world, said):
    with pytest.raises(LoaderError, match=said):
        Order(GROUPS, batch, seed=0, world=world)


def test_ranks_of_a_machine_know_what_the_others_there_need():
    ranks = [Order(GROUPS, 12, 0, 5, rank, 6, rank % 3, 3) for rank in range(6)]
    for first in (0, 3):
        here = np.concatenate([ranks[rank].epoch(0) for rank in range(first, first + 3)], axis=1)
        for rank in range(first, first + 3):
            np.testing.assert_array_equal(ranks[rank].here(ranks[rank].whole(0)), here)
    for group in range(60):
        assert sum(order.reads(group) for order in ranks[:3]) == 1


class Files:
    """Renders nothing; counts which files are read ahead, and opened."""

    def __init__(self):
        settings = [*scans.VIEWS, "training.batch_size=8", "training.epochs=2", "training.samples_per_case=4"]
        self.recipe = load_recipe("pcrlv2-3d", [*settings, "training.window=5"])
        self.groups, self.read = GROUPS, []

    def workspace(self):
        return None

    def name_of(self, sample):
        return str(sample)

    def read_ahead(self, group, block):
        if block is not None:
            self.read.append(group)

    def make(self, key, sample, workspace, to):
        return False, StageTimes()


@pytest.mark.parametrize("local", [1, 2, 4])
def test_each_file_is_read_ahead_once_a_machine_and_epoch(local):
    files = [Files() for _ in range(4)]

    def run(rank):
        training = files[rank].recipe.training
        order = Order.of(GROUPS, training, (rank, 4, rank % local, local))
        with Ring(files[rank], order, threads=1) as ring:
            for batch in ring:
                batch.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    for first in range(0, 4, local):
        read = [group for rank in range(first, first + local) for group in files[rank].read]
        order = Order.of(GROUPS, files[0].recipe.training, (first, 4, 0, local))
        for epoch in range(2):
            needed = {int(sample) // 4 for sample in order.here(order.whole(epoch)).flat}
            assert needed <= set(read)
        # Twice: once in each epoch.
        assert max(np.bincount(read)) <= 2
