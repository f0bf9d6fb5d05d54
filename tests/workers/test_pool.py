"""A worker that dies, hangs or eats takes down its own task, and is told of it."""

import os
import re
import time
from pathlib import Path

import pytest

from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits, free_memory, of_readers
from pcrl.workers.pool import Workers
from tests.workers.victims import act


def outcomes(tasks, count=2, limits=None, together=1, ordered=False):
    with Workers(act, count, limits or Limits(60.0), together) as workers:
        found = list((workers.in_order if ordered else workers.run)(tasks))
        pids = [worker.process.pid for worker in workers._workers]
    assert not [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]
    return found


GOOD = [("echo", n) for n in range(40)]


@pytest.mark.parametrize("together", [1, 16])
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (("segfault", 0), r"crashed \(SIGSEGV\)"),
        (("exit", 3), "ended by itself, with status 3"),
        (("exit", 0), "ended by itself, with status 0"),
        (("raise", "no such thing"), "ValueError: no such thing"),
        (("kill", 0), r"killed from outside \(SIGKILL\).*--workers"),
    ],
)
def test_only_the_task_that_kills_is_blamed(bad, said, together):
    tasks = [*GOOD[:20], bad, *GOOD[20:]]
    found = dict(outcomes(tasks, together=together))
    assert len(found) == len(tasks)
    fault = found.pop(bad)
    assert re.search(said, fault.reason)
    assert found == {task: task[1] for task in GOOD}


def test_who_was_killed_from_outside_is_tried_once_more(tmp_path):
    mark = str(tmp_path / "mark")
    assert dict(outcomes([*GOOD[:3], ("kill once", mark)]))["kill once", mark] == mark


def test_tasks_come_in_order_if_that_is_asked_for(tmp_path):
    tasks = [("sleep", 0.3), ("segfault", 1), *GOOD]
    found = outcomes(tasks, ordered=True)
    assert [task for task, _ in found] == tasks
    assert isinstance(found[1][1], Fault)


def test_a_deadline_is_for_each_task_and_others_go_on():
    began = time.monotonic()
    # Together they take longer than the deadline, none of them does.
    tasks = [("hang", 0), *[("sleep", 0.3 + n / 1000) for n in range(8)]]
    found = dict(outcomes(tasks, limits=Limits(1.5), together=8))
    assert "not read after 1.5 s" in found["hang", 0].reason
    assert "--deadline" in found["hang", 0].reason
    assert not any(isinstance(found[task], Fault) for task in tasks[1:])
    assert time.monotonic() - began < 15


def test_memory_is_bounded_and_what_to_change_is_said():
    tasks = [("fill", 5000), *GOOD]
    found = dict(outcomes(tasks, limits=Limits(60.0, resident=500_000_000)))
    assert "one may use 0.5 GB" in found["fill", 5000].reason
    assert "--memory" in found["fill", 5000].reason
    assert sum(isinstance(result, Fault) for result in found.values()) == 1


def test_address_space_is_bounded():
    found = dict(outcomes([("fill", 2000), ("echo", 1)], limits=Limits(60.0, address_space=1 << 30)))
    assert "MemoryError" in found["fill", 2000].reason
    assert found["echo", 1] == 1


def test_memory_of_one_task_is_given_back_before_the_next():
    with Workers(act, 1, Limits(60.0, resident=700_000_000)) as workers:
        for _ in range(3):
            assert workers.call(("fill", 400)) == 400


def test_one_pool_does_many_rounds_and_starts_no_more_than_it_needs():
    with Workers(act, 4, Limits(60.0)) as workers:
        first = workers.call(("pid", 0))
        assert workers.call(("pid", 0)) == first
        assert len(workers._workers) == 1
        assert isinstance(workers.call(("segfault", 0)), Fault)
        assert workers.call(("pid", 0)) != first


def test_a_round_that_is_left_in_the_middle_leaves_nothing_for_the_next():
    with Workers(act, 2, Limits(60.0), together=4) as workers:
        rounds = workers.run(GOOD)
        next(rounds)
        rounds.close()
        assert dict(workers.run(GOOD)) == {task: task[1] for task in GOOD}
        assert workers.call(("echo", "last")) == "last"


def test_what_cannot_start_is_an_error_and_no_hang(monkeypatch):
    monkeypatch.setattr("pcrl.workers.worker.serve", exit_at_once)
    with Workers(act, 2, Limits(60.0)) as workers, pytest.raises(RuntimeError, match="could start"):
        workers.call(GOOD[0])


def exit_at_once(*_):
    os._exit(1)


def test_limits_follow_from_what_is_free_unless_they_are_given(tmp_path):
    assert of_readers(2, memory=1.5).resident == 1_500_000_000
    assert of_readers(2, deadline=5).seconds == 5
    assert 0 < of_readers(2).resident <= max(1 << 30, free_memory() // 2)
    (tmp_path / "self").write_text("0::/a/b\n")
    (tmp_path / "groups/a/b").mkdir(parents=True)
    (tmp_path / "groups/a/b/memory.max").write_text("max\n")
    for name, value in (
        ("max", 3_000_000),
        ("current", 2_000_000),
        ("stat", "anon 1\ninactive_file 500000\n"),
    ):
        (tmp_path / f"groups/a/memory.{name}").write_text(f"{value}\n")
    assert free_memory(tmp_path / "self", tmp_path / "groups") == 1_500_000
