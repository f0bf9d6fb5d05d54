"""Batches on their way to a device: none is overwritten early, whatever is slow; and waiting is counted."""

import queue
import threading
import time

import numpy as np
import pytest
import torch

from pcrl.engine.batch import Batch
from pcrl.training.feeding import feed as feeding
from pcrl.training.feeding.feed import DirectFeed, QueuedFeed, feed_of
from pcrl.training.feeding.views import on_device


class SlowMark:
    """See `pcrl.training.feeding.lanes.Mark`."""

    def __init__(self):
        self.event, self.at = threading.Event(), None

    def set(self):
        self.at = time.perf_counter()
        self.event.set()

    def reached(self):
        return self.event.is_set()

    def wait(self):
        assert self.event.wait(20)

    def since(self, earlier):
        return self.at - earlier.at


class Lane(threading.Thread):
    """Works through what is queued, in order."""

    def __init__(self):
        super().__init__(daemon=True)
        self.work = queue.Queue()
        self.start()

    def run(self):
        while (work := self.work.get()) is not None:
            work()

    def mark(self):
        mark = SlowMark()
        self.work.put(mark.set)
        return mark


class SlowDevice:
    """A device whose copies and steps take their time, while the host goes on; see `Lanes`."""

    def __init__(self, copying, computing):
        self.copies, self.steps = Lane(), Lane()
        self.copying, self.computing = copying, computing
        self.seen = []

    def copy(self, to, host):
        def work():
            time.sleep(self.copying)
            to.copy_(host)

        self.copies.work.put(work)

    def copied(self):
        return self.copies.mark()

    def computed(self):
        return self.steps.mark()

    def copies_wait_for(self, mark):
        self.copies.work.put(mark.wait)

    def computations_wait_for(self, mark):
        self.steps.work.put(mark.wait)

    def step(self, views):
        """Queue a step that looks at its views at its beginning and at its end."""

        def work():
            first = [view.clone() for view in views]
            time.sleep(self.computing)
            self.seen.append((first, [view.clone() for view in views]))

        self.steps.work.put(work)


class Slots:
    """A loader of three slots, refilled by a thread the moment they are given back; batch n holds the number n."""

    def __init__(self, batches, making=0.0):
        self.batches, self.making = batches, making
        self.free = queue.Queue()
        self.made = queue.Queue()
        self.order = []
        for slot in range(3):
            self.free.put(slot)

    def held(self):
        arrays = [self._arrays() for _ in range(3)]

        def fill():
            for number in range(self.batches):
                slot = self.free.get()
                time.sleep(self.making)
                for array in arrays[slot]:
                    array[...] = number
                self.made.put((number, slot))

        threading.Thread(target=fill, daemon=True).start()
        for _ in range(self.batches):
            number, slot = self.made.get(timeout=20)

            def release(number=number, slot=slot):
                self.order.append(number)
                self.free.put(slot)

            keys = np.full(2, number, np.uint64)
            yield Batch(0, number, *arrays[slot], keys, [], 0, release)

    def has_next(self):
        return not self.made.empty()

    @staticmethod
    def _arrays():
        views = [np.empty((n, 2, 1, 2, 3, 4), np.float32) for n in (2, 1, 5)]
        return views[0], views[1][0], views[2], np.empty((2, 2, 0, 4), np.int32)


def run(device, slots, locals_too=True):
    feed = QueuedFeed(slots, torch.device("cpu"), device, locals_too)
    for _, views in feed:
        device.step(views)
    device.steps.mark().wait()
    return feed


@pytest.mark.parametrize(
    ("copying", "computing", "making"), [(0.003, 0.0, 0.0), (0.0, 0.02, 0.0), (0.001, 0.003, 0.004)]
)
def test_no_slot_and_no_buffer_is_overwritten_early(copying, computing, making):
    device, slots = SlowDevice(copying, computing), Slots(12, making)
    run(device, slots)
    for number, (first, last) in enumerate(device.seen):
        assert all((view == number).all() for view in (*first, *last)), number
    assert slots.order == sorted(slots.order)


def test_a_slot_that_is_given_back_before_its_copy_is_done_would_be_seen(monkeypatch):
    def at_once(copying):
        while copying:
            copying.popleft()[1].release()

    monkeypatch.setattr(feeding, "_give_back", at_once)
    device = SlowDevice(0.003, 0.0)
    run(device, Slots(12))
    assert any((view != number).any() for number, (first, _) in enumerate(device.seen) for view in first)


def test_a_buffer_that_is_filled_before_its_step_is_done_would_be_seen(monkeypatch):
    monkeypatch.setattr(SlowDevice, "copies_wait_for", lambda self, mark: None)
    device = SlowDevice(0.0, 0.02)
    run(device, Slots(12))
    assert any((view != number).any() for number, (_, last) in enumerate(device.seen) for view in last)


class Clockwork(SlowDevice):
    """The same on a clock of its own, without threads: a copy takes 1, a step 10, a batch of the loader `making`."""

    def __init__(self, making):
        self.making, self.now, self.copied_at, self.computed_at = making, 0.0, 0.0, 0.0
        self.slots = Slots(10)

    def held(self):
        for batch in self.slots.held():
            self.now += self.making
            yield batch

    def has_next(self):
        # The loader makes one after the other, and has none in store.
        return self.making == 0

    def copy(self, to, host):
        self.copied_at = max(self.copied_at, self.now) + 0.25

    def copied(self):
        return self._mark(self.copied_at)

    def computed(self):
        self.computed_at = max(self.computed_at, self.now)
        return self._mark(self.computed_at)

    def copies_wait_for(self, mark):
        self.copied_at = max(self.copied_at, mark.at)

    def computations_wait_for(self, mark):
        self.computed_at = max(self.computed_at, mark.at)

    def step(self, views):
        self.computed_at += 10

    def _mark(self, at):
        mark = SlowMark()
        mark.set()
        mark.at = at
        return mark


@pytest.mark.parametrize(("making", "waiting"), [(0, 0.0), (9, 0.0), (30, 20 / 30)])
def test_waiting_of_the_device_is_counted_and_nothing_else(making, waiting):
    device = Clockwork(making)
    feed = QueuedFeed(device, torch.device("cpu"), device, True)
    for _, views in feed:
        device.step(views)
    assert feed.waiting() == pytest.approx(waiting)
    assert feed.waiting() == 0.0


def test_local_views_stay_on_the_host_where_nobody_looks_at_them():
    device = SlowDevice(0.0, 0.0)
    run(device, Slots(2), locals_too=False)
    assert device.seen[0][0][2].shape[0] == 0


def test_leaving_waits_for_copies_under_way():
    device = SlowDevice(0.02, 0.0)
    feed = iter(QueuedFeed(Slots(5), torch.device("cpu"), device, True))
    next(feed)
    feed.close()
    assert device.copies.work.empty()


def test_a_cpu_takes_batches_where_they_lie():
    class Plain(Slots):
        times = type("Times", (), {"wait_batch": 0.0})()

        def __iter__(self):
            for batch in self.held():
                yield batch
                batch.release()

    feed = feed_of(Plain(3), torch.device("cpu"), True)
    assert isinstance(feed, DirectFeed)
    for batch, views in feed:
        assert (views.globals == batch.step).all()
        assert views.globals.data_ptr() == batch.globals.__array_interface__["data"][0]
    assert feed.waiting() == 0.0


def test_draws_become_tensors_and_numbers_stay():
    draws = on_device({"levels": [1, 2], "hidden": np.ones((2, 3), bool)}, torch.device("cpu"))
    assert draws["levels"] == [1, 2]
    assert isinstance(draws["hidden"], torch.Tensor)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_batches_arrive_whole():
    from pcrl.training.feeding.lanes import CudaLanes

    device = torch.device("cuda")
    lanes, seen = CudaLanes(device), []
    for _, views in QueuedFeed(Slots(12), device, lanes, True):
        torch.cuda._sleep(2_000_000)
        seen.append([view.clone() for view in views])
    for number, views in enumerate(seen):
        assert all((view == number).all() for view in views), number
